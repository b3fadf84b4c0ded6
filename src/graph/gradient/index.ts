export { attentionForward } from './attention-forward.js';
export {
  afterAttentionBackward,
  afterAttentionForward,
  attentionBackward,
  attentionInputs,
  beforeAttentionBackward,
  headBackward,
  keptWidths,
  type StepGraph,
  type Wanted,
} from './backward-graphs.js';
