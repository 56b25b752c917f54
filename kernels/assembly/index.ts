// What the module exports. The name says the whole: op[_variant]_dtype; see ../README.md.

export { gemm_f32, pack_columns_f32, pack_rows_f32, unpack_f32 } from "./gemm";
export { quantize_rows_f32 } from "./blocks";
export { gemm_q4_0, gemm_q8_0 } from "./blocks_gemm";
export { dot_bytes, gemm_q8_0_bytes } from "./blocks_signs";
export { gather_blocks_f32, gemm_blocks_f32, unpack_blocks_f32 } from "./blocks_wide";
export { gather_panels_f32, gather_rows_f32 } from "./embedding";
export { layer_norm_f32, rms_norm_f32 } from "./norms";
export { log_softmax_at_f32, softmax_f32, top_softmax_f32 } from "./softmax";
export { rotate_half_f32, rotate_interleaved_f32, sinusoid_f64 } from "./positions";
export { append_packed_f32 } from "./cache";
export { append_f32, attention_f32, attention_weights_f32 } from "./attention";
export {
  add_f32, cos_f32, erf_f32, exp_f32, geglu_f32, geglu_tanh_f32, gelu_f32, gelu_tanh_f32, mul_f32, reglu_f32, relu_f32,
  relu_squared_f32, scale_f32, sigmoid_f32, silu_f32, sin_f32, swiglu_f32, tanh_f32, widen_bf16, widen_f16,
} from "./elementwise";

// Gradients.
export { gemm_across_f32, gemm_add_f32, transpose_panels_f32 } from "./gemm";
export { gather_panels_dx_f32, gather_rows_dx_f32 } from "./embedding";
export { norm_dw_f32, norm_dx_f32, norm_stats_f32 } from "./norms_dx";
export { cross_entropy_dx_f32, cross_entropy_f32, log_softmax_at_dx_f32, softmax_dx_f32 } from "./softmax_dx";
export { rotate_half_dx_f32, rotate_interleaved_dx_f32 } from "./positions";
export { attention_dbias_f32, attention_delta_f32, attention_dsinks_f32, attention_dx_f32 } from "./attention_dx";
export {
  activation_dx_f32, add_product_f32, add_scaled_f32, cos_dx_f32, dropout_f32, gated_dx_f32, sin_dx_f32, sum_rows_f32,
} from "./elementwise_dx";
export {
  adafactor_matrix_f32, adafactor_step_f32, adafactor_vector_f32, adamw_f32, column_mean_squares_f32, combine_f32,
  fill_f32, lion_f32, momentum_f32, normalize_f32, row_mean_squares_f32, sgd_f32, square_sums_f32,
} from "./optimizers";
