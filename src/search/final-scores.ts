import { UserError } from '../errors.js';
import { candidateKey } from './candidate.js';
import { comparedLoss } from './compared-loss.js';
import type { Evaluator } from './evaluator.js';
import { paretoFront } from './front.js';
import type { DocumentLoss, Objective } from './objective.js';
import type { SearchOptions } from './options.js';
import { type FrontEntry, type Score, type SearchResult, score } from './result.js';
import { baselineCandidates } from './seeds.js';
import type { Candidate } from './types.js';

/** The contenders on all search documents, as many as the budget covers; documents they were scored on before are not asked again. */
export async function scoreContenders(
  { algorithm, objective, budget }: SearchOptions,
  evaluator: Evaluator,
  generation: number,
): Promise<Score[]> {
  const candidates: Candidate[] = [];
  const requests: [number, number][] = [];
  for (const candidate of algorithm.contenders()) {
    const missing = [...evaluator.lossesOf(candidate).entries()].flatMap(([document, loss]) =>
      loss === undefined ? [document] : [],
    );
    const planned = [...requests.map(([, document]) => document), ...missing];
    // One is scored whatever it costs: a search must end with a winner.
    if (candidates.length > 0 && !evaluator.coversFinal(planned, candidates.length)) continue;
    requests.push(...missing.map((document): [number, number] => [candidates.length, document]));
    candidates.push(candidate);
  }
  if (candidates.length === 0) {
    const expected = 'enough for the first candidates of a search';
    throw new UserError('usage', { where: 'budget', expected, found: `${budget.amount} ${budget.unit}` });
  }
  await evaluator.evaluate({ phase: 'final', generation, candidates, requests, gradients: false }, objective);
  return candidates.map((candidate, i) =>
    score(`contender ${i + 1}`, candidate, evaluator.lossesOf(candidate) as readonly DocumentLoss[], objective.parts),
  );
}

/** The best of the contenders (`comparedLoss`). Throws `UserError('input')` where no loss is finite. */
export function winnerOf(
  contenders: readonly Score[],
  evaluator: Evaluator,
  { pull, where }: { readonly pull: number; readonly where: string },
): Score {
  const worth = ({ candidate }: Score) =>
    comparedLoss(candidate, evaluator.lossesOf(candidate) as readonly DocumentLoss[], pull);
  const winner = contenders.reduce((best, contender) => (worth(contender) < worth(best) ? contender : best));
  if (Number.isFinite(winner.loss)) return winner;
  throw new UserError('input', {
    where,
    expected: 'a finite loss for at least one candidate',
    found: 'NaN or infinity for all that were compared',
    fix: 'check the weights of the model: evaluate it at its original length',
  });
}

/** Contenders, and where losses of all documents are known more candidates than these that nothing beats; null for one objective. */
export function frontOf(
  { parts }: Pick<Objective, 'parts'>,
  contenders: readonly Score[],
  evaluator: Evaluator,
): readonly FrontEntry[] | null {
  if (parts === undefined) return null;
  const compared = new Set(contenders.map(({ candidate }) => candidateKey(candidate)));
  const others = evaluator
    .scored()
    .filter((candidate) => !compared.has(candidateKey(candidate)))
    .map((candidate, i) =>
      score(`candidate ${i + 1}`, candidate, evaluator.lossesOf(candidate) as readonly DocumentLoss[], parts),
    );
  return paretoFront(contenders, others);
}

/** The winner, named 'searched', and the baselines on documents the search never saw; null without such documents. */
export async function scoreHeldOut(
  { heldOut, problem, baselines = baselineCandidates(problem) }: SearchOptions,
  evaluator: Evaluator,
  generation: number,
  winner: Candidate,
): Promise<SearchResult['heldOut']> {
  if (heldOut === undefined) return null;
  const named = [{ name: 'searched', candidate: winner }, ...baselines];
  const count = heldOut.documents.length;
  const requests = named.flatMap((_, c) => heldOut.documents.map((_, document) => [c, document] as const));
  const candidates = named.map(({ candidate }) => candidate);
  const losses = await evaluator.evaluate(
    { phase: 'held-out', generation, candidates, requests, gradients: false },
    heldOut,
  );
  const scores = named.map(({ name, candidate }, c) =>
    score(name, candidate, losses.slice(c * count, (c + 1) * count), heldOut.parts),
  );
  return { documents: heldOut.documents, scores };
}
