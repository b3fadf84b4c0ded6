export type { ArchitectureDeclaration } from './architecture.js';
export { architectures } from './architectures/index.js';
export { readTensor } from './checkpoint/dequantize/index.js';
export { openGguf } from './checkpoint/gguf.js';
export { openSafetensors } from './checkpoint/safetensors.js';
export { decoderTensors } from './decoder-tensors.js';
export { shortestWindow } from './layer-types.js';
export { loadModel, loadShape } from './load-model.js';
export { sizeOfShape } from './tensor-shape.js';
export type * from './types.js';
export {
  checkFinite,
  hashModel,
  type PreparedTensor,
  type PreparedWeights,
  preparedSizes,
  prepareWeights,
  type WeightOptions,
  type WeightSize,
} from './weights.js';
