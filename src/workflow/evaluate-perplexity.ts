import { hashDocuments, openTokenizer } from '../corpus/index.js';
import { comparePerplexity, type MethodPerplexity, type Protocol, parseRopeMethod } from '../evaluation/index.js';
import { hashModel, loadModel } from '../model/index.js';
import { ENGINE_VERSION, openEngine } from '../runtime/index.js';
import { readTexts, type TextSelection } from './texts.js';
import { programVersion } from './version.js';

export interface PerplexityJob {
  readonly model: string;
  readonly texts: readonly string[];
  /** Default: the model's original length. */
  readonly lengths?: readonly number[];
  readonly methods: readonly string[];
  readonly protocol: Protocol['name'];
  readonly stride: number;
  readonly truncate: boolean;
  readonly maxTokens: number | null;
  /** Put BOS in front of every window, if the tokenizer has one. */
  readonly bos: boolean;
  readonly tokenizer?: string;
  readonly textOptions: TextSelection;
  readonly workers?: number;
  readonly threads?: number;
  readonly onProgress?: (done: number, total: number, detail: string) => void;
  readonly signal?: AbortSignal;
}

/** The JSON twin of `evaluate perplexity`. */
export interface PerplexityReport {
  readonly format: 'longrope-perplexity/1';
  readonly version: string;
  readonly engine: string;
  readonly model: { readonly path: string; readonly sha256: string; readonly originalLength: number };
  readonly texts: { readonly paths: readonly string[]; readonly sha256: string; readonly skipCharacters: number };
  readonly tokenizer: { readonly path: string; readonly sha256: string };
  readonly results: readonly MethodPerplexity[];
}

/** Everything `evaluate perplexity` does, from paths to figures. */
export async function evaluatePerplexityJob(job: PerplexityJob): Promise<PerplexityReport> {
  const model = await loadModel(job.model);
  const { rope } = model.spec;
  const lengths = job.lengths ?? [rope.originalLength];
  const methods = [];
  for (const text of job.methods) methods.push(await parseRopeMethod(text, rope));
  const tokenizerPath = job.tokenizer ?? job.model;
  const tokenizer = await openTokenizer(tokenizerPath);
  const documents = await readTexts(job.texts, tokenizer, job.textOptions);
  const bosTokenId = job.bos ? tokenizer.bosTokenId : null;
  const engine = await openEngine(model, {
    maxLength: Math.max(...lengths),
    maxWorkers: documents.length,
    ...(job.workers !== undefined && { workers: job.workers }),
    ...(job.threads !== undefined && { threads: job.threads }),
  });
  try {
    const results = await comparePerplexity({
      engine,
      rope,
      methods,
      documents,
      bosTokenId,
      protocols: lengths.map((length) => protocolAt(length, job)),
      ...(job.onProgress && { onProgress: job.onProgress }),
      ...(job.signal && { signal: job.signal }),
    });
    return {
      format: 'longrope-perplexity/1',
      version: programVersion(),
      engine: ENGINE_VERSION,
      model: { path: job.model, sha256: await hashModel(model), originalLength: rope.originalLength },
      texts: {
        paths: job.texts,
        sha256: hashDocuments(documents),
        skipCharacters: job.textOptions.skipCharacters ?? 0,
      },
      tokenizer: { path: tokenizerPath, sha256: tokenizer.hash },
      results,
    };
  } finally {
    await engine.close();
  }
}

function protocolAt(length: number, { protocol, stride, truncate, maxTokens }: PerplexityJob): Protocol {
  switch (protocol) {
    case 'document':
      return { name: 'document', length };
    case 'released':
      return { name: 'released', length, stride, truncate };
    case 'sliding':
      return { name: 'sliding', length, stride, maxTokens };
  }
}
