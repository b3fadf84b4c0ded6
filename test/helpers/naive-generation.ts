import type { DecoderEngine, GenerateRequest } from '../../src/runtime/index.js';

/**
 * What generation means, without a cache: each new token is the likeliest after all tokens before it, computed from nothing
 * with the first table that reaches over them.
 */
export async function generateNaively(engine: DecoderEngine, request: GenerateRequest): Promise<Int32Array[]> {
  const answers: Int32Array[] = [];
  for (const prompt of request.prompts) {
    const ids = [...prompt];
    while (ids.length < prompt.length + request.maxNewTokens) {
      const stage = request.stages.find(({ maxLength }) => ids.length <= maxLength);
      if (stage === undefined) throw new Error(`no table for ${ids.length} tokens`);
      const rows = Int32Array.of(ids.length - 1);
      const logits = await engine.logits({ ids: Int32Array.from(ids), rope: stage.rope, rows });
      const next = logits.reduce((best, logit, token) => (logit > (logits[best] as number) ? token : best), 0);
      ids.push(next);
      if (request.stopIds.includes(next)) break;
    }
    answers.push(Int32Array.from(ids.slice(prompt.length)));
  }
  return answers;
}
