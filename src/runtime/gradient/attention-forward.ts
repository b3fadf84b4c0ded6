import type { DecoderSpec } from '../../model/types.js';
import type { AttentionRows } from './attention-backward.js';
import type { Span } from './sequence-rows.js';
import type { Pass, Step } from './step.js';

/** Causal attention within every sequence, written to `attended` [N, heads * headDim]; neighbours of one length are one batch of the kernel. */
export async function attentionForward(
  spec: DecoderSpec,
  step: Step,
  pass: Pass,
  { q, k, v }: AttentionRows,
  spans: readonly Span[],
  attended: Float32Array,
): Promise<void> {
  const [width, keyWidth] = [spec.heads * spec.headDim, spec.keyValueHeads * spec.headDim];
  for (let first = 0; first < spans.length; ) {
    const { from, to } = spans[first] as Span;
    const length = to - from;
    let next = first + 1;
    while (next < spans.length && (spans[next] as Span).to - (spans[next] as Span).from === length) next++;
    const batch = next - first;
    const end = from + batch * length;
    const matrix = (data: Float32Array, rowWidth: number) => ({
      type: 'float32' as const,
      data: data.subarray(from * rowWidth, end * rowWidth),
      dims: [batch, length, rowWidth],
    });
    await step.run(
      pass,
      0,
      {
        q: matrix(q, width),
        k: matrix(k, keyWidth),
        v: matrix(v, keyWidth),
        seqlens_k: { type: 'int32', data: new Int32Array(batch).fill(length - 1), dims: [batch] },
        total_sequence_length: { type: 'int32', data: Int32Array.of(length), dims: [] },
      },
      { attended: matrix(attended, width) },
    );
    first = next;
  }
}
