import { bloom } from "./bloom.ts";
import { cohere } from "./cohere.ts";
import { falcon } from "./falcon.ts";
import type { Family } from "./family.ts";
import { gemma } from "./gemma.ts";
import { gemma2 } from "./gemma2.ts";
import { gemma3 } from "./gemma3.ts";
import { gpt2 } from "./gpt2.ts";
import { gptBigcode } from "./gpt_bigcode.ts";
import { gptNeo } from "./gpt_neo.ts";
import { gptNeox } from "./gpt_neox.ts";
import { gptj } from "./gptj.ts";
import { granite } from "./granite.ts";
import { llama } from "./llama.ts";
import { mistral } from "./mistral.ts";
import { mixtral } from "./mixtral.ts";
import { mpt } from "./mpt.ts";
import { nemotron } from "./nemotron.ts";
import { olmo } from "./olmo.ts";
import { olmo2 } from "./olmo2.ts";
import { opt } from "./opt.ts";
import { phi } from "./phi.ts";
import { phi3 } from "./phi3.ts";
import { qwen2 } from "./qwen2.ts";
import { qwen3 } from "./qwen3.ts";
import { smollm3 } from "./smollm3.ts";
import { stablelm } from "./stablelm.ts";
import { starcoder2 } from "./starcoder2.ts";

/** The families that can be read, by `model_type`. Those that have fields to write are tried in this order on saving. */
export const families: Readonly<Record<string, Family>> = {
  llama,
  gpt2,
  mistral,
  mixtral,
  qwen2,
  qwen3,
  gemma,
  gemma2,
  gemma3_text: gemma3,
  phi,
  phi3,
  gpt_neo: gptNeo,
  gptj,
  gpt_neox: gptNeox,
  gpt_bigcode: gptBigcode,
  bloom,
  mpt,
  falcon,
  opt,
  stablelm,
  starcoder2,
  olmo,
  olmo2,
  smollm3,
  cohere,
  granite,
  nemotron,
};
