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
export * from "./components/mod.ts";
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
export { type ScoredPieces, type TextStream, textStream, type Tokenizer } from "./model/tokenizer.ts";
export { loadTrainingState, saveTrainingState, type TrainingState } from "./model/training_state.ts";
export { tokenizerOf } from "./model/tokenizer_of.ts";
export { trainTokenizer, type TrainTokenizerOptions } from "./model/train_tokenizer.ts";
export { dropout, type DropoutOptions } from "./model/dropout.ts";
export type { Weights } from "./model/weights.ts";
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
export { type CacheOptions, newKeyValueCache } from "./runtime/key_value_cache.ts";
export type { MemoryPool, Region } from "./runtime/memory.ts";
export type { AdafactorStep, AdamWStep, LionStep, OptimizerKernels, SgdStep } from "./runtime/optimizer_kernels.ts";
export type { GatedOps, Ops, UnaryOps } from "./runtime/ops.ts";
export type { RouteOps } from "./runtime/route.ts";
export { createRuntime, type ReadBytes, Runtime, type RuntimeOptions, type StoredAs } from "./runtime/runtime.ts";
export { Tape, type TapeHost } from "./runtime/tape.ts";
export {
  type BlockType,
  type CacheType,
  type DType,
  type Layout,
  reshape,
  size,
  sliceRows,
  type Tensor,
  type WeightType,
} from "./runtime/tensor.ts";
export type { Simd } from "./runtime/wasm.ts";
