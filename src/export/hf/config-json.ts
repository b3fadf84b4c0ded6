/**
 * Keys that config classes of transformers declare as float alone. It refuses 30 for 30.0, and JavaScript knows no difference
 * once a config is read.
 */
const FLOATS = [
  'attn_logit_softcapping',
  'final_logit_softcapping',
  'router_aux_loss_coef',
  'router_jitter_noise',
  'initializer_range',
];
const WHOLE_FLOAT = new RegExp(`("(?:${FLOATS.join('|')})": -?\\d+)(?=,?$)`, 'gm');

/** The text of a config.json. */
export function configJson(config: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify(config, null, 2).replace(WHOLE_FLOAT, '$1.0')}\n`;
}
