export { attentionForward } from './attention-forward.js';
export {
  afterAttentionBackward,
  afterAttentionForward,
  attentionBackwardGraph,
  attentionInputs,
  beforeAttentionBackward,
  headBackward,
  isWanted,
  keptWidths,
  type StepGraph,
  type Wanted,
} from './backward-graphs.js';
