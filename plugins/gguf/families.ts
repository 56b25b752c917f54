import { bloom } from "./bloom.ts";
import { commandR } from "./command_r.ts";
import { falcon } from "./falcon.ts";
import { gptneox } from "./gptneox.ts";
import { granite } from "./granite.ts";
import { mpt } from "./mpt.ts";
import { nemotron } from "./nemotron.ts";
import { olmo } from "./olmo.ts";
import { phi2 } from "./phi2.ts";
import { smollm3 } from "./smollm3.ts";
import { stablelm } from "./stablelm.ts";
import { starcoder } from "./starcoder.ts";
import type { Family } from "./family.ts";
import { gemma } from "./gemma.ts";
import { gemma2 } from "./gemma2.ts";
import { gemma3 } from "./gemma3.ts";
import { gpt2 } from "./gpt2.ts";
import { llama } from "./llama.ts";
import { olmo2 } from "./olmo2.ts";
import { phi3 } from "./phi3.ts";
import { qwen2 } from "./qwen2.ts";
import { qwen3 } from "./qwen3.ts";
import { starcoder2 } from "./starcoder2.ts";

/** The families that can be read, by `general.architecture`. */
export const families: Readonly<Record<string, Family>> = {
  llama,
  qwen2,
  qwen3,
  gemma,
  gemma2,
  gemma3,
  phi3,
  starcoder2,
  olmo2,
  gpt2,
  stablelm,
  phi2,
  gptneox,
  falcon,
  granite,
  "command-r": commandR,
  olmo,
  starcoder,
  nemotron,
  smollm3,
  bloom,
  mpt,
};
