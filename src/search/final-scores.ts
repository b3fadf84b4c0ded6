import { UserError } from '../errors.js';
import { candidateKey } from './candidate.js';
import { comparedLoss } from './compared-loss.js';
import type { Evaluator } from './evaluator.js';
import { paretoFront } from './front.js';
import type { DocumentLoss, Objective } from './objective.js';
import type { SearchOptions } from './options.js';
import { type FrontEntry, type Score, type SearchResult, score } from './result.js';
import { baselineCandidates, type NamedCandidate } from './seeding/seeds.js';
import type { Candidate } from './types.js';

/** The contenders on all search documents, as many as the budget covers; documents they were scored on before are not asked again. */
export async function scoreContenders(
  options: SearchOptions,
  evaluator: Evaluator,
  generation: number,
): Promise<Score[]> {
  const { algorithm, budget } = options;
  const named: NamedCandidate[] = [];
  const planned: number[] = [];
  for (const candidate of algorithm.contenders()) {
    const missing = missingDocuments(candidate, evaluator);
    // One is scored whatever it costs: a search must end with a winner.
    if (named.length > 0 && !evaluator.coversFinal([...planned, ...missing], named.length)) continue;
    planned.push(...missing);
    named.push({ name: `contender ${named.length + 1}`, candidate });
  }
  if (named.length === 0) {
    const expected = 'enough for the first candidates of a search';
    throw new UserError('usage', { where: 'budget', expected, found: `${budget.amount} ${budget.unit}` });
  }
  return scoreOnSearchDocuments('final', named, options, evaluator, generation);
}

/** The baselines on the search documents; null where they are not wanted. */
export async function scoreBaselines(
  options: SearchOptions,
  evaluator: Evaluator,
  generation: number,
): Promise<Score[] | null> {
  const { problem, baselines = baselineCandidates(problem) } = options;
  if (options.scoreBaselines !== true) return null;
  return scoreOnSearchDocuments('baselines', baselines, options, evaluator, generation);
}

/** Asks for no loss that the search knows. */
async function scoreOnSearchDocuments(
  phase: 'final' | 'baselines',
  named: readonly NamedCandidate[],
  { objective }: SearchOptions,
  evaluator: Evaluator,
  generation: number,
): Promise<Score[]> {
  const candidates = named.map(({ candidate }) => candidate);
  const first = firstOfEqual(candidates);
  const requests = candidates.flatMap((candidate, c) =>
    first[c] === c ? missingDocuments(candidate, evaluator).map((document) => [c, document] as const) : [],
  );
  const known = candidates.map((candidate) => [...evaluator.lossesOf(candidate)]);
  const losses = await evaluator.evaluate({ phase, generation, candidates, requests, gradients: false }, objective);
  for (const [i, [c, document]] of requests.entries())
    (known[c] as (DocumentLoss | undefined)[])[document] = losses[i] as DocumentLoss;
  return named.map(({ name, candidate }, c) =>
    score(name, candidate, known[first[c] as number] as readonly DocumentLoss[], objective.parts),
  );
}

/** For each candidate the index of the first that equals it: at the original length all closed forms are one. */
function firstOfEqual(candidates: readonly Candidate[]): readonly number[] {
  const keys = candidates.map(candidateKey);
  return keys.map((key) => keys.indexOf(key));
}

function missingDocuments(candidate: Candidate, evaluator: Evaluator): number[] {
  return [...evaluator.lossesOf(candidate).entries()].flatMap(([document, loss]) =>
    loss === undefined ? [document] : [],
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
  const candidates = named.map(({ candidate }) => candidate);
  const first = firstOfEqual(candidates);
  const count = heldOut.documents.length;
  const asked = [...new Set(first)];
  const requests = asked.flatMap((c) => heldOut.documents.map((_, document) => [c, document] as const));
  const losses = await evaluator.evaluate(
    { phase: 'held-out', generation, candidates, requests, gradients: false },
    heldOut,
  );
  const scores = named.map(({ name, candidate }, c) => {
    const row = asked.indexOf(first[c] as number);
    return score(name, candidate, losses.slice(row * count, (row + 1) * count), heldOut.parts);
  });
  return { documents: heldOut.documents, scores };
}
