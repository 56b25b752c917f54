import { flatShader } from "./elementwise.ts";

/** `f(a)` and `f'(a)` of every function of one element, with what math.ts has. */
const FORMULAS = {
  relu: ["relu_of(a)", "select(0.0, 1.0, a > 0.0)"],
  reluSquared: ["relu_of(a) * relu_of(a)", "2.0 * relu_of(a)"],
  gelu: ["gelu_of(a)", "gelu_slope(a)"],
  geluTanh: ["gelu_tanh_of(a)", "gelu_tanh_slope(a)"],
  silu: ["silu_of(a)", "silu_slope(a)"],
  sigmoid: ["sigmoid_of(a)", "sigmoid_of(a) * (1.0 - sigmoid_of(a))"],
  tanh: ["tanh_of(a)", "1.0 - tanh_of(a) * tanh_of(a)"],
  erf: ["erf_of(a)", "1.1283791671 * exp_of(-a * a)"],
  exp: ["exp_of(a)", "exp_of(a)"],
  sin: ["sin_of(a)", "cos_of(a)"],
  cos: ["cos_of(a)", "-sin_of(a)"],
} as const;

/** The function of a gate. */
const GATES = { reglu: "relu", geglu: "gelu", gegluTanh: "geluTanh", swiglu: "silu" } as const;

/** Names of functions of one element. */
export type UnaryName = keyof typeof FORMULAS;
/** Names of gated functions. */
export type GatedName = keyof typeof GATES;

const uses = ["math"] as const;

/** `out = f(x)`. */
function unary(name: UnaryName) {
  return flatShader(name, {
    tensors: { out: "f32", x: "f32" },
    uses,
    code: `let a = x[i]; out[i] = ${FORMULAS[name][0]};`,
  });
}

/** `dx += g · f'(x)`, or `=` where it is `EMPTY`. */
function unaryGrad(name: UnaryName) {
  return flatShader(`${name}_grad`, {
    tensors: { dx: "f32", g: "f32", x: "f32" },
    constants: ["EMPTY"],
    uses,
    code: `let a = x[i]; let d = g[i] * (${FORMULAS[name][1]});
  if (EMPTY) { dx[i] = d; } else { dx[i] += d; }`,
  });
}

/** `out = f(gate) · up`. */
function gated(name: GatedName) {
  return flatShader(name, {
    tensors: { out: "f32", gate: "f32", up: "f32" },
    uses,
    code: `let a = gate[i]; out[i] = ${FORMULAS[GATES[name]][0]} * up[i];`,
  });
}

/** `dgate += g · up · f'(gate)`, `dup += g · f(gate)`, or `=` where they are empty; either may be absent. */
function gatedGrad(name: GatedName) {
  const [value, slope] = FORMULAS[GATES[name]];
  return flatShader(`${name}_grad`, {
    tensors: { g: "f32", gate: "f32", up: "f32", dgate: "f32", dup: "f32" },
    optional: ["dgate", "dup"],
    constants: ["EMPTY_DGATE", "EMPTY_DUP"],
    uses,
    code: `let a = gate[i]; let b = g[i]; let u = up[i];
  if (HAS_DGATE) {
    let d = b * u * (${slope});
    if (EMPTY_DGATE) { dgate[i] = d; } else { dgate[i] += d; }
  }
  if (HAS_DUP) {
    let d = b * ${value};
    if (EMPTY_DUP) { dup[i] = d; } else { dup[i] += d; }
  }`,
  });
}

/** `make` of every name. */
function table<K extends string, V>(names: Readonly<Record<K, unknown>>, make: (name: K) => V): Readonly<Record<K, V>> {
  return Object.fromEntries((Object.keys(names) as K[]).map((name) => [name, make(name)])) as Record<K, V>;
}

/** Functions of one element. */
export const unaryShaders: Readonly<Record<UnaryName, ReturnType<typeof unary>>> = table(FORMULAS, unary);
/** Their gradients. */
export const unaryGradShaders: Readonly<Record<UnaryName, ReturnType<typeof unaryGrad>>> = table(FORMULAS, unaryGrad);
/** Gated functions. */
export const gatedShaders: Readonly<Record<GatedName, ReturnType<typeof gated>>> = table(GATES, gated);
/** Their gradients. */
export const gatedGradShaders: Readonly<Record<GatedName, ReturnType<typeof gatedGrad>>> = table(GATES, gatedGrad);
