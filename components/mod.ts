/**
 * Every component, and what it takes to write one.
 *
 * @module
 */
export { groupedQuery, type GroupedQueryConfig } from "./attentions/grouped_query.ts";
export { multiHead } from "./attentions/multi_head.ts";
export { multiQuery } from "./attentions/multi_query.ts";
export { groupedAttention, type SoftmaxAttentionConfig, softmaxOptions } from "./attentions/grouped.ts";
export { parallel, type ParallelConfig } from "./blocks/parallel.ts";
export { postNorm } from "./blocks/post_norm.ts";
export { preNorm, type PreNormConfig } from "./blocks/pre_norm.ts";
export { type Builtin, builtins } from "./builtins.ts";
export type {
  Allocate,
  Attention,
  Block,
  BuildContext,
  Component,
  ConfigOf,
  ContextOf,
  FeedForward,
  Head,
  HeadContext,
  LinearOptions,
  ModelSlots,
  Norm,
  Position,
  QueryKey,
  Scores,
  SlotContexts,
  Slots,
  Stem,
} from "./component.ts";
export { geglu, type GegluConfig } from "./feed_forwards/geglu.ts";
export { gelu, type GeluConfig } from "./feed_forwards/gelu.ts";
export { reglu, type RegluConfig } from "./feed_forwards/reglu.ts";
export { relu, type ReluConfig } from "./feed_forwards/relu.ts";
export { reluSquared, type ReluSquaredConfig } from "./feed_forwards/relu_squared.ts";
export { silu, type SiluConfig } from "./feed_forwards/silu.ts";
export { swiglu, type SwigluConfig } from "./feed_forwards/swiglu.ts";
export { constant, type Init, normal, ones, type Random, uniform, zeros } from "./init.ts";
export type { InitContext, Initializer, WeightRole } from "./inits/initializer.ts";
export { kaimingInit, type KaimingInitConfig } from "./inits/kaiming.ts";
export { normalInit, type NormalInitConfig } from "./inits/normal.ts";
export { smallInit, type SmallInitConfig } from "./inits/small_init.ts";
export { t5Init, type T5InitConfig } from "./inits/t5.ts";
export { xavierInit, type XavierInitConfig } from "./inits/xavier.ts";
export { layerNorm, type LayerNormConfig } from "./norms/layer_norm.ts";
export { noNorm } from "./norms/no_norm.ts";
export { rmsNorm, type RmsNormConfig } from "./norms/rms_norm.ts";
export { adafactor, type AdafactorConfig } from "./optimizers/adafactor.ts";
export type { AdamWConfig } from "./optimizers/adam_step.ts";
export { adamW } from "./optimizers/adamw.ts";
export { lion, type LionConfig } from "./optimizers/lion.ts";
export { muon, type MuonConfig } from "./optimizers/muon.ts";
export type { DecayConfig, OptimizedParam, Optimizer, OptimizerContext, ParamKind } from "./optimizers/optimizer.ts";
export { sgd, type SgdConfig } from "./optimizers/sgd.ts";
export {
  boolean,
  type Bounds,
  choice,
  integer,
  type Json,
  nullable,
  number,
  type Option,
  type Options,
  text,
} from "./options.ts";
export { alibi, type AlibiConfig, alibiSlopes } from "./positions/alibi.ts";
export { learned, type LearnedConfig } from "./positions/learned.ts";
export { noPosition } from "./positions/no_position.ts";
export { rope, type RopeConfig } from "./positions/rope.ts";
export {
  type DynamicRopeScaling,
  type LinearRopeScaling,
  type Llama3RopeScaling,
  type LongRopeScaling,
  ropeFrequencies,
  type RopeScaling,
  type YarnRopeScaling,
} from "./positions/rope_scaling.ts";
export { sinusoidal, type SinusoidalConfig } from "./positions/sinusoidal.ts";
export { frequency, type FrequencyConfig } from "./samplers/frequency.ts";
export { greedy } from "./samplers/greedy.ts";
export { minP, type MinPConfig } from "./samplers/min_p.ts";
export { presence, type PresenceConfig } from "./samplers/presence.ts";
export { repetition, type RepetitionConfig } from "./samplers/repetition.ts";
export type { Sampler, SamplerContext, SamplerState } from "./samplers/sampler.ts";
export { temperature, type TemperatureConfig } from "./samplers/temperature.ts";
export { topK, type TopKConfig } from "./samplers/top_k.ts";
export { topP, type TopPConfig } from "./samplers/top_p.ts";
export { typical, type TypicalConfig } from "./samplers/typical.ts";
export { constantSchedule } from "./schedules/constant.ts";
export { cosineSchedule, type CosineScheduleConfig } from "./schedules/cosine.ts";
export { inverseSqrtSchedule } from "./schedules/inverse_sqrt.ts";
export { linearSchedule, type LinearScheduleConfig } from "./schedules/linear.ts";
export type { Schedule, ScheduleContext } from "./schedules/schedule.ts";
export { wsdSchedule, type WsdScheduleConfig } from "./schedules/wsd.ts";
export { byteLevelBpe, type ByteLevelBpeConfig } from "./tokenizers/byte_level_bpe.ts";
export { bytes } from "./tokenizers/bytes.ts";
export { characters } from "./tokenizers/characters.ts";
export {
  type AddedTokenJson,
  END_OF_TEXT,
  type TokenizerContext,
  type TokenizerJson,
  type TokenizerModelJson,
  type TokenizerTrainer,
} from "./tokenizers/tokenizer.ts";
export { afterNorm } from "./blocks/after_norm.ts";
export { sandwich } from "./blocks/sandwich.ts";
export { experts, type ExpertsConfig } from "./feed_forwards/experts.ts";
export { linearHead, type LinearHeadConfig } from "./heads/linear.ts";
export type { GainConfig } from "./norms/gain.ts";
export { clip, type ClipConfig } from "./query_keys/clip.ts";
export { fullNorm } from "./query_keys/full_norm.ts";
export { headNorm } from "./query_keys/head_norm.ts";
export { perHeadNorm, type PerHeadNormConfig } from "./query_keys/per_head_norm.ts";
export { plainQueryKey } from "./query_keys/plain.ts";
export { sinks } from "./scores/sinks.ts";
export { softcap, type SoftcapConfig } from "./scores/softcap.ts";
export { softmaxScores } from "./scores/softmax.ts";
export { plainStem, type PlainStemConfig } from "./stems/plain.ts";
