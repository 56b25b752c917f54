import { groupedQuery } from "./attentions/grouped_query.ts";
import { multiHead } from "./attentions/multi_head.ts";
import { multiQuery } from "./attentions/multi_query.ts";
import { afterNorm } from "./blocks/after_norm.ts";
import { parallel } from "./blocks/parallel.ts";
import { postNorm } from "./blocks/post_norm.ts";
import { preNorm } from "./blocks/pre_norm.ts";
import { sandwich } from "./blocks/sandwich.ts";
import { experts } from "./feed_forwards/experts.ts";
import { geglu } from "./feed_forwards/geglu.ts";
import { gelu } from "./feed_forwards/gelu.ts";
import { reglu } from "./feed_forwards/reglu.ts";
import { relu } from "./feed_forwards/relu.ts";
import { reluSquared } from "./feed_forwards/relu_squared.ts";
import { silu } from "./feed_forwards/silu.ts";
import { swiglu } from "./feed_forwards/swiglu.ts";
import { linearHead } from "./heads/linear.ts";
import { kaimingInit } from "./inits/kaiming.ts";
import { normalInit } from "./inits/normal.ts";
import { smallInit } from "./inits/small_init.ts";
import { t5Init } from "./inits/t5.ts";
import { xavierInit } from "./inits/xavier.ts";
import { layerNorm } from "./norms/layer_norm.ts";
import { noNorm } from "./norms/no_norm.ts";
import { rmsNorm } from "./norms/rms_norm.ts";
import { adafactor } from "./optimizers/adafactor.ts";
import { adamW } from "./optimizers/adamw.ts";
import { lion } from "./optimizers/lion.ts";
import { muon } from "./optimizers/muon.ts";
import { sgd } from "./optimizers/sgd.ts";
import { alibi } from "./positions/alibi.ts";
import { learned } from "./positions/learned.ts";
import { noPosition } from "./positions/no_position.ts";
import { rope } from "./positions/rope.ts";
import { sinusoidal } from "./positions/sinusoidal.ts";
import { clip } from "./query_keys/clip.ts";
import { fullNorm } from "./query_keys/full_norm.ts";
import { headNorm } from "./query_keys/head_norm.ts";
import { perHeadNorm } from "./query_keys/per_head_norm.ts";
import { plainQueryKey } from "./query_keys/plain.ts";
import { frequency } from "./samplers/frequency.ts";
import { greedy } from "./samplers/greedy.ts";
import { minP } from "./samplers/min_p.ts";
import { presence } from "./samplers/presence.ts";
import { repetition } from "./samplers/repetition.ts";
import { temperature } from "./samplers/temperature.ts";
import { topK } from "./samplers/top_k.ts";
import { topP } from "./samplers/top_p.ts";
import { typical } from "./samplers/typical.ts";
import { constantSchedule } from "./schedules/constant.ts";
import { cosineSchedule } from "./schedules/cosine.ts";
import { inverseSqrtSchedule } from "./schedules/inverse_sqrt.ts";
import { linearSchedule } from "./schedules/linear.ts";
import { wsdSchedule } from "./schedules/wsd.ts";
import { sinks } from "./scores/sinks.ts";
import { softcap } from "./scores/softcap.ts";
import { softmaxScores } from "./scores/softmax.ts";
import { plainStem } from "./stems/plain.ts";
import { byteLevelBpe } from "./tokenizers/byte_level_bpe.ts";
import { bytes } from "./tokenizers/bytes.ts";
import { characters } from "./tokenizers/characters.ts";

/** Any component that ships with Tenon. */
export type Builtin =
  | typeof adafactor
  | typeof adamW
  | typeof afterNorm
  | typeof alibi
  | typeof byteLevelBpe
  | typeof bytes
  | typeof characters
  | typeof clip
  | typeof constantSchedule
  | typeof cosineSchedule
  | typeof experts
  | typeof frequency
  | typeof fullNorm
  | typeof geglu
  | typeof gelu
  | typeof greedy
  | typeof groupedQuery
  | typeof headNorm
  | typeof inverseSqrtSchedule
  | typeof kaimingInit
  | typeof layerNorm
  | typeof learned
  | typeof linearHead
  | typeof linearSchedule
  | typeof lion
  | typeof minP
  | typeof multiHead
  | typeof multiQuery
  | typeof muon
  | typeof noNorm
  | typeof noPosition
  | typeof normalInit
  | typeof parallel
  | typeof perHeadNorm
  | typeof plainQueryKey
  | typeof plainStem
  | typeof postNorm
  | typeof preNorm
  | typeof presence
  | typeof reglu
  | typeof relu
  | typeof reluSquared
  | typeof repetition
  | typeof rmsNorm
  | typeof rope
  | typeof sandwich
  | typeof sgd
  | typeof silu
  | typeof sinks
  | typeof sinusoidal
  | typeof smallInit
  | typeof softcap
  | typeof softmaxScores
  | typeof swiglu
  | typeof t5Init
  | typeof temperature
  | typeof topK
  | typeof topP
  | typeof typical
  | typeof wsdSchedule
  | typeof xavierInit;

/** Every component that ships with Tenon. */
export const builtins: readonly Builtin[] = [
  layerNorm,
  rmsNorm,
  noNorm,
  sinusoidal,
  learned,
  rope,
  alibi,
  noPosition,
  multiHead,
  multiQuery,
  groupedQuery,
  plainQueryKey,
  headNorm,
  fullNorm,
  perHeadNorm,
  clip,
  softmaxScores,
  softcap,
  sinks,
  relu,
  reluSquared,
  gelu,
  silu,
  reglu,
  geglu,
  swiglu,
  experts,
  preNorm,
  postNorm,
  parallel,
  sandwich,
  afterNorm,
  plainStem,
  linearHead,
  repetition,
  frequency,
  presence,
  temperature,
  topK,
  topP,
  minP,
  typical,
  greedy,
  normalInit,
  xavierInit,
  kaimingInit,
  t5Init,
  smallInit,
  adamW,
  sgd,
  lion,
  adafactor,
  muon,
  constantSchedule,
  linearSchedule,
  cosineSchedule,
  inverseSqrtSchedule,
  wsdSchedule,
  characters,
  bytes,
  byteLevelBpe,
];
