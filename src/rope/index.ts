export { attentionFactorOf, longropeAttentionFactor, yarnMscale } from './attention-factor.js';
export { CLOSED_FORMS, type ClosedForm, closedFormFactors, isClosedFormName } from './closed-form.js';
export { criticalDimension } from './critical-dimension.js';
export {
  type FactorFileOptions,
  type FactorSet,
  formatFactorCsv,
  formatFactorJson,
  parseFactorFile,
} from './factor-file.js';
export {
  type FactorSets,
  factorsAt,
  formatFactorSets,
  isFactorSets,
  type LengthFactors,
  parseFactorSets,
} from './factor-sets.js';
export { factorProblems, factorVector, isMonotone } from './factor-vector.js';
export { baseInverseFrequency, rescaledRope, resolveRope } from './frequencies.js';
export { RELEASED_YARN_BETAS, releasedYarnFactors } from './released-yarn.js';
export { rotaryTable, rotaryTableAt } from './rotary-table.js';
export { sameRope } from './same-rope.js';
export { stretchFactors } from './stretch.js';
export { logFactorGradient, type RopeGradient, ropeGradient, type TableGradient } from './table-gradient.js';
export type * from './types.js';
export { wavelengths } from './wavelengths.js';
export { YARN_DEFAULTS, type YarnRampOptions, yarnKeep } from './yarn-ramp.js';
