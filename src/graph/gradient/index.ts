export {
  afterAttentionBackward,
  attentionBackward,
  attentionInputs,
  beforeAttentionBackward,
  headBackward,
  type StepGraph,
  type Wanted,
} from './backward-graphs.js';
