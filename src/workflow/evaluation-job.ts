import { openTokenizer, type Tokenizer } from '../corpus/index.js';
import { UserError } from '../errors.js';
import { type EvaluationKind, parseRopeMethod, type RecordOf, type RopeMethod } from '../evaluation/index.js';
import { hashModel, loadModel, type Model } from '../model/index.js';
import type { Json, ReportProgress } from '../run/index.js';
import { type Device, type Engine, type EngineOptions, engineName, openEngine } from '../runtime/index.js';
import { programVersion } from './version.js';
import { checkVocabulary } from './vocabulary.js';

/** What every `evaluate` command is told. */
export interface EvaluationTarget {
  readonly model: string;
  /** Another tokenizer than the model's own. */
  readonly tokenizer?: string;
  /** Where the model's own tokenizer lies; default: with the model. */
  readonly ownTokenizer?: string;
  /** As `--rope` spells them, or under a name of their own. */
  readonly methods: readonly (string | { readonly name: string; readonly rope: string })[];
  /** Run folder; without it nothing is kept and nothing can be resumed. */
  readonly out?: string;
  /** The command that reproduces the result. */
  readonly command: string;
  readonly device?: Device;
  readonly workers?: number;
  readonly threads?: number;
  readonly onProgress?: ReportProgress;
  readonly signal?: AbortSignal;
}

export interface OpenEvaluation {
  readonly model: Model;
  readonly tokenizer: Tokenizer;
  readonly methods: readonly RopeMethod[];
  /** What a record says about model, tokenizer and program. */
  readonly header: Pick<
    RecordOf<EvaluationKind>,
    'format' | 'version' | 'engine' | 'command' | 'model' | 'tokenizer' | 'factorFiles'
  >;
  /** What the results depend on so far; the manifest of a run adds the kind's own settings and inputs. */
  readonly identity: { readonly [key: string]: Json };
  /** Loads the weights; ended by `withEvaluation`. Call it after all input has been checked. */
  openEngine(needs: Pick<EngineOptions, 'maxLength' | 'cacheTokens' | 'maxWorkers'>): Promise<Engine>;
}

/** Opens model, tokenizer and methods for `job` and closes what it opened, however it ends. */
export async function withEvaluation<Result>(
  target: EvaluationTarget,
  job: (evaluation: OpenEvaluation) => Promise<Result>,
): Promise<Result> {
  const model = await loadModel(target.model);
  const methods: RopeMethod[] = [];
  refuseRepeated(target.methods.map((method) => (typeof method === 'string' ? method : method.name)));
  for (const method of target.methods)
    methods.push(
      typeof method === 'string'
        ? await parseRopeMethod(method, model.spec.rope)
        : { ...(await parseRopeMethod(method.rope, model.spec.rope)), name: method.name },
    );
  const tokenizerPath = target.tokenizer ?? target.ownTokenizer ?? target.model;
  const tokenizer = await openTokenizer(tokenizerPath);
  if (target.tokenizer !== undefined) checkVocabulary(`--tokenizer ${target.tokenizer}`, tokenizer, model.spec);
  const sha256 = await hashModel(model);
  const engines: Engine[] = [];
  const header = {
    format: 'longrope-evaluation/1' as const,
    version: programVersion(),
    engine: engineName(target.device),
    command: target.command,
    model: { path: target.model, sha256, originalLength: model.spec.rope.originalLength },
    tokenizer: { path: tokenizerPath, sha256: tokenizer.hash },
    factorFiles: methods.flatMap(({ name, file }) => (file === undefined ? [] : [{ method: name, ...file }])),
  } satisfies OpenEvaluation['header'];
  try {
    return await job({
      model,
      tokenizer,
      methods,
      header,
      identity: {
        version: header.version,
        engine: header.engine,
        model: sha256,
        tokenizer: tokenizer.hash,
        // What stands around a text, and where an answer ends, are no part of the hash of its ids.
        specialTokens: [tokenizer.addsBos, tokenizer.bosTokenId, tokenizer.eosTokenId],
        // A factor file is what it resolves to, whatever its name.
        methods: methods.map(({ name, resolve, lengths }) => {
          const identities = (lengths ?? [model.spec.rope.originalLength * 2]).map((length) =>
            ropeIdentity(resolve(length)),
          );
          return [
            name,
            ...identities.map((identity, i) => (lengths === undefined ? identity : [lengths[i]!, identity])),
          ];
        }),
      },
      async openEngine(needs) {
        const engine = await openEngine(model, {
          ...needs,
          ...(target.device !== undefined && { device: target.device }),
          ...(target.workers !== undefined && { workers: target.workers }),
          ...(target.threads !== undefined && { threads: target.threads }),
        });
        engines.push(engine);
        return engine;
      },
    });
  } finally {
    for (const engine of engines) await engine.close();
  }
}

function refuseRepeated(methods: readonly string[]): void {
  const repeated = methods.filter((method, i) => methods.indexOf(method) < i);
  if (repeated.length === 0) return;
  throw new UserError('usage', {
    where: '--rope',
    expected: 'every method once',
    found: `${[...new Set(repeated)].join(', ')} again`,
  });
}

export function ropeIdentity(rope: ReturnType<RopeMethod['resolve']>): Json {
  return { frequencies: [...rope.inverseFrequency], attention: rope.attentionFactor, startTokens: rope.startTokens };
}
