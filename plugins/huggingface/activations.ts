/** Names of activations in config.json, and what a feed-forward of two products with them is here. */
export const activations = {
  relu: { type: "relu" },
  relu2: { type: "reluSquared" },
  gelu: { type: "gelu", approximate: "none" },
  gelu_new: { type: "gelu", approximate: "tanh" },
  gelu_pytorch_tanh: { type: "gelu", approximate: "tanh" },
  gelu_fast: { type: "gelu", approximate: "tanh" },
  gelu_python: { type: "gelu", approximate: "none" },
  gelu_python_tanh: { type: "gelu", approximate: "tanh" },
  gelu_accurate: { type: "gelu", approximate: "tanh" },
  silu: { type: "silu" },
  swish: { type: "silu" },
} as const;

/** The same for gated ones, of three products. */
export const gatedActivations = {
  silu: { type: "swiglu" },
  swish: { type: "swiglu" },
  gelu: { type: "geglu", approximate: "none" },
  gelu_new: { type: "geglu", approximate: "tanh" },
  gelu_pytorch_tanh: { type: "geglu", approximate: "tanh" },
  gelu_fast: { type: "geglu", approximate: "tanh" },
  gelu_python: { type: "geglu", approximate: "none" },
  gelu_python_tanh: { type: "geglu", approximate: "tanh" },
  gelu_accurate: { type: "geglu", approximate: "tanh" },
  relu: { type: "reglu" },
} as const;
