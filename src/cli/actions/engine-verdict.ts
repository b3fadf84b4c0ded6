import type { EngineLine } from '../../workflow/inspect.js';

/** What an engine makes of a file, in a few words. */
export function verdictText(judgement: EngineLine['judgement']): string {
  switch (judgement.verdict) {
    case 'exact':
      return 'exact';
    case 'differs': {
      const { largestAngleError: error, pair, position, attentionFactorRatio: ratio, inLocalLayers } = judgement;
      const angle = error === 0 ? '' : ` ${error.toPrecision(3)} rad at pair ${pair}, position ${position}`;
      const attention = Math.abs(ratio - 1) > 1e-6 ? ` attention x${ratio.toPrecision(6)}` : '';
      return `differs${inLocalLayers ? ' in local layers' : ''}:${[angle, attention].filter(Boolean).join(',')}`;
    }
    case 'unsupported':
      return `unsupported: ${judgement.dropped.join('; ')}`;
    case 'unknown':
      return `unknown: ${judgement.reason}`;
  }
}
