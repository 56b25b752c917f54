/**
 * Tenon: a transformer toolkit in which every part is a plug. Components (norms, positions, attentions, feed-forwards,
 * blocks, samplers) are values; a JSON config joins them into a decoder; WebAssembly SIMD kernels on threads run it.
 *
 * @example
 * ```ts
 * import { createModel, createRuntime, generate } from "@tenon/tenon";
 *
 * using runtime = await createRuntime();
 * const model = createModel(runtime, { vocab: 256, context: 64, dim: 32, depth: 2, heads: 4, position: "alibi" });
 * for await (const { id } of generate(model, [72, 105], { maxTokens: 8 })) console.log(id);
 * ```
 *
 * @module
 */
export { groupedQuery, type GroupedQueryConfig } from "./components/attentions/grouped_query.ts";
export { multiHead } from "./components/attentions/multi_head.ts";
export { multiQuery } from "./components/attentions/multi_query.ts";
export { groupedAttention, type SoftmaxAttentionConfig, softmaxOptions } from "./components/attentions/grouped.ts";
export { parallel, type ParallelConfig } from "./components/blocks/parallel.ts";
export { postNorm } from "./components/blocks/post_norm.ts";
export { preNorm, type PreNormConfig } from "./components/blocks/pre_norm.ts";
export { type Builtin, builtins } from "./components/builtins.ts";
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
} from "./components/component.ts";
export { geglu, type GegluConfig } from "./components/feed_forwards/geglu.ts";
export { gelu, type GeluConfig } from "./components/feed_forwards/gelu.ts";
export { reglu, type RegluConfig } from "./components/feed_forwards/reglu.ts";
export { relu, type ReluConfig } from "./components/feed_forwards/relu.ts";
export { reluSquared, type ReluSquaredConfig } from "./components/feed_forwards/relu_squared.ts";
export { silu, type SiluConfig } from "./components/feed_forwards/silu.ts";
export { swiglu, type SwigluConfig } from "./components/feed_forwards/swiglu.ts";
export { constant, type Init, normal, ones, type Random, uniform, zeros } from "./components/init.ts";
export type { InitContext, Initializer, WeightRole } from "./components/inits/initializer.ts";
export { kaimingInit, type KaimingInitConfig } from "./components/inits/kaiming.ts";
export { normalInit, type NormalInitConfig } from "./components/inits/normal.ts";
export { smallInit, type SmallInitConfig } from "./components/inits/small_init.ts";
export { t5Init, type T5InitConfig } from "./components/inits/t5.ts";
export { xavierInit, type XavierInitConfig } from "./components/inits/xavier.ts";
export { layerNorm, type LayerNormConfig } from "./components/norms/layer_norm.ts";
export { noNorm } from "./components/norms/no_norm.ts";
export { rmsNorm, type RmsNormConfig } from "./components/norms/rms_norm.ts";
export { adafactor, type AdafactorConfig } from "./components/optimizers/adafactor.ts";
export type { AdamWConfig } from "./components/optimizers/adam_step.ts";
export { adamW } from "./components/optimizers/adamw.ts";
export { lion, type LionConfig } from "./components/optimizers/lion.ts";
export { muon, type MuonConfig } from "./components/optimizers/muon.ts";
export type {
  DecayConfig,
  OptimizedParam,
  Optimizer,
  OptimizerContext,
  ParamKind,
} from "./components/optimizers/optimizer.ts";
export { sgd, type SgdConfig } from "./components/optimizers/sgd.ts";
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
} from "./components/options.ts";
export { alibi, type AlibiConfig, alibiSlopes } from "./components/positions/alibi.ts";
export { learned, type LearnedConfig } from "./components/positions/learned.ts";
export { noPosition } from "./components/positions/no_position.ts";
export { rope, type RopeConfig } from "./components/positions/rope.ts";
export {
  type DynamicRopeScaling,
  type LinearRopeScaling,
  type Llama3RopeScaling,
  type LongRopeScaling,
  ropeFrequencies,
  type RopeScaling,
  type YarnRopeScaling,
} from "./components/positions/rope_scaling.ts";
export { sinusoidal, type SinusoidalConfig } from "./components/positions/sinusoidal.ts";
export { frequency, type FrequencyConfig } from "./components/samplers/frequency.ts";
export { greedy } from "./components/samplers/greedy.ts";
export { minP, type MinPConfig } from "./components/samplers/min_p.ts";
export { presence, type PresenceConfig } from "./components/samplers/presence.ts";
export { repetition, type RepetitionConfig } from "./components/samplers/repetition.ts";
export type { Sampler, SamplerContext, SamplerState } from "./components/samplers/sampler.ts";
export { temperature, type TemperatureConfig } from "./components/samplers/temperature.ts";
export { topK, type TopKConfig } from "./components/samplers/top_k.ts";
export { topP, type TopPConfig } from "./components/samplers/top_p.ts";
export { typical, type TypicalConfig } from "./components/samplers/typical.ts";
export { constantSchedule } from "./components/schedules/constant.ts";
export { cosineSchedule, type CosineScheduleConfig } from "./components/schedules/cosine.ts";
export { inverseSqrtSchedule } from "./components/schedules/inverse_sqrt.ts";
export { linearSchedule, type LinearScheduleConfig } from "./components/schedules/linear.ts";
export type { Schedule, ScheduleContext } from "./components/schedules/schedule.ts";
export { wsdSchedule, type WsdScheduleConfig } from "./components/schedules/wsd.ts";
export { byteLevelBpe, type ByteLevelBpeConfig } from "./components/tokenizers/byte_level_bpe.ts";
export { bytes } from "./components/tokenizers/bytes.ts";
export { characters } from "./components/tokenizers/characters.ts";
export {
  type AddedTokenJson,
  END_OF_TEXT,
  type TokenizerContext,
  type TokenizerJson,
  type TokenizerModelJson,
  type TokenizerTrainer,
} from "./components/tokenizers/tokenizer.ts";
export { afterNorm } from "./components/blocks/after_norm.ts";
export { sandwich } from "./components/blocks/sandwich.ts";
export { experts, type ExpertsConfig } from "./components/feed_forwards/experts.ts";
export { linearHead, type LinearHeadConfig } from "./components/heads/linear.ts";
export type { GainConfig } from "./components/norms/gain.ts";
export { clip, type ClipConfig } from "./components/query_keys/clip.ts";
export { fullNorm } from "./components/query_keys/full_norm.ts";
export { headNorm } from "./components/query_keys/head_norm.ts";
export { perHeadNorm, type PerHeadNormConfig } from "./components/query_keys/per_head_norm.ts";
export { plainQueryKey } from "./components/query_keys/plain.ts";
export { sinks } from "./components/scores/sinks.ts";
export { softcap, type SoftcapConfig } from "./components/scores/softcap.ts";
export { softmaxScores } from "./components/scores/softmax.ts";
export { plainStem, type PlainStemConfig } from "./components/stems/plain.ts";
export { ablate } from "./model/ablate.ts";
export type { AblateOptions } from "./model/ablation/ablate.ts";
export type { AblationEvent, LaboratoryOptions } from "./model/ablation/laboratory.ts";
export type { DataSource } from "./model/ablation/learning.ts";
export type {
  AblationOutcome,
  ArmOutcome,
  Comparison,
  Costs,
  CurvePoint,
  DataSummary,
  LearningRateChoice,
  LengthScore,
  Metric,
  Score,
  TrialResult,
} from "./model/ablation/outcome.ts";
export type { AblationMode, Change, Variation } from "./model/ablation/plan.ts";
export type { PresetName } from "./model/ablation/presets.ts";
export type { Difference, Summary } from "./model/ablation/statistics.ts";
export type {
  Budget,
  Match,
  Study,
  Sweep,
  TaskData,
  TextData,
  TrainingSettings,
  TrialTraining,
} from "./model/ablation/study.ts";
export type {
  BaseDefinition,
  ComponentChoice,
  DataDefinition,
  StudyDefinition,
  TrainingDefinition,
  VaryDefinition,
} from "./model/ablation/study_definition.ts";
export type { TrialProgress, TrialSpec } from "./model/ablation/trial.ts";
export type { Verdict } from "./model/ablation/verdict.ts";
export { type Additions, importAdditions } from "./model/additions.ts";
export type { BuiltLayer } from "./model/assemble.ts";
export { type Batch, type Batches, batches, type BatchOptions, evaluationWindows } from "./model/data/batches.ts";
export {
  type DataCounts,
  type DataFile,
  type DataInfo,
  openData,
  type PreparedData,
  tokenizerHash,
} from "./model/data/data_info.ts";
export { corpus } from "./model/data/documents.ts";
export { listTextFiles } from "./model/data/files.ts";
export { prepareData, type PrepareOptions } from "./model/data/prepare.ts";
export type { Side, TextCounts } from "./model/data/split.ts";
export { memoryTokens, openTokenFile, type TokenDType, type TokenFile } from "./model/data/token_file.ts";
export type { HeldPositions, ModelCache } from "./model/cache.ts";
export { loadCache, saveCache } from "./model/cache_file.ts";
export { type LoadedModel, loadModel, type LoadOptions, openCheckpoint } from "./model/checkpoint.ts";
export type {
  Checkpoint,
  CheckpointFormat,
  CheckpointToStore,
  SavedCheckpoint,
  StoredExtras,
  StoredTensor,
  TensorToStore,
} from "./model/format.ts";
export type { ModelConfig, ModelSizes, PerLayer, ResolvedConfig, ResolvedOptions } from "./model/config.ts";
export { createModel, describeModel, type Model, type ModelOptions, type Param } from "./model/decoder.ts";
export type { Description, LayerDescription, ParamDescription } from "./model/describe.ts";
export { evaluateTokens, type EvaluateTokensOptions, type EvaluationWatch } from "./model/evaluate_tokens.ts";
export type { ForwardOptions } from "./model/forward.ts";
export {
  createGradients,
  type Example,
  type Gradients,
  type LossOptions,
  type ParamGradient,
} from "./model/gradients.ts";
export { type EndReason, generate, generateBatch, type GenerateOptions } from "./model/generator.ts";
export {
  type BuiltOptimizer,
  type ChoiceOptions,
  createOptimizer,
  createSchedule,
  paramKind,
} from "./model/optimizing.ts";
export { openRuntime, type OpenRuntimeOptions } from "./model/open_runtime.ts";
export type { ParamDeclaration, Plugin, StepEvent, TrainEvent } from "./model/plugin.ts";
export { createRandom } from "./model/random.ts";
export { hashWeights, saveModel, type SaveOptions } from "./model/save.ts";
export { safetensorsPieces } from "./model/safetensors_writer.ts";
export type { GeneratedToken, SamplerConfigs, TokenProbability } from "./model/sampling.ts";
export type { Disk, DiskFile } from "./model/disk.ts";
export { jsonPieces, memorySink, openSink, type Pieces, type Sink } from "./model/sink.ts";
export {
  createTrainer,
  evaluate,
  type Evaluation,
  type StepReport,
  type Trainer,
  type TrainerOptions,
  TrainingError,
} from "./model/trainer.ts";
export type { Speculation, SpeculationPass } from "./model/speculation.ts";
export { CheckpointError, memorySource, openSource, type Source } from "./model/source.ts";
export { newestStep, saveStep, type SaveStepOptions } from "./model/steps.ts";
export { type GeneratedText, generateText, type GenerateTextOptions } from "./model/text.ts";
export { type TextStream, textStream, type Tokenizer } from "./model/tokenizer.ts";
export { loadTrainingState, saveTrainingState, type TrainingState } from "./model/training_state.ts";
export { tokenizerOf } from "./model/tokenizer_of.ts";
export { trainTokenizer, type TrainTokenizerOptions } from "./model/train_tokenizer.ts";
export { dropout, type DropoutOptions } from "./model/dropout.ts";
export { freeze } from "./plugins/freeze.ts";
export { type Captured, type Probe, probe } from "./plugins/probe.ts";
export { llama2c } from "./plugins/llama2c/mod.ts";
export type { Arena, Mark } from "./runtime/arena.ts";
export { type Backend, referenceBackend, wasmBackend, type WasmOptions } from "./runtime/backend.ts";
export { clipByNorm } from "./runtime/clip.ts";
export { type BackendName, type BackendOptions, isWebgpu } from "./runtime/open_backend.ts";
export type { WebgpuBackend } from "./runtime/webgpu/backend.ts";
export type { GpuStats } from "./runtime/webgpu/commands.ts";
export { NoAdapterError } from "./runtime/webgpu/device.ts";
export type {
  AttentionGradients,
  AttentionRecord,
  CrossEntropyOptions,
  GradientKernels,
  Sum,
} from "./runtime/gradient_kernels.ts";
export type {
  Activations,
  AttentionDropout,
  AttentionOptions,
  GatedKernel,
  Kernels,
  KeyValueCache,
  RotaryLayout,
  SinusoidLayout,
  UnaryKernel,
} from "./runtime/kernels.ts";
export type { MemoryPool, Region } from "./runtime/memory.ts";
export type { AdafactorStep, AdamWStep, LionStep, OptimizerKernels, SgdStep } from "./runtime/optimizer_kernels.ts";
export type { GatedOps, Ops, UnaryOps } from "./runtime/ops.ts";
export { createRuntime, type ReadBytes, Runtime, type RuntimeOptions, type StoredAs } from "./runtime/runtime.ts";
export { Tape, type TapeHost } from "./runtime/tape.ts";
export {
  type BlockType,
  type DType,
  type Layout,
  reshape,
  size,
  sliceRows,
  type Tensor,
  type WeightType,
} from "./runtime/tensor.ts";
export type { Simd } from "./runtime/wasm.ts";
