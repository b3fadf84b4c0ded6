import { UserError } from '../../errors.js';
import { canonicalJson, inParallel, type Json } from '../../run/index.js';
import type { DocumentLoss, LossRequest, Objective } from '../objective.js';
import { commandWords } from './command-line.js';
import type { CommandObjectiveOptions } from './command-objective.js';
import { type Hello, helloMessage, lossMessage } from './protocol.js';
import { readHello, readLoss } from './read-answer.js';
import { WorkerEnded, WorkerProcess } from './worker-process.js';

const WHERE = 'objective command';

/** Starts of a process for one request. A second end on the same request is the request's fault. */
const ATTEMPTS = 2;

/** A place for a process; empty before the first is started, and after one ended. */
interface Slot {
  readonly number: number;
  worker: WorkerProcess | null;
}

/** The processes of an objective command, each asked one thing at a time. */
export class CommandPool {
  private readonly words: readonly [string, ...string[]];
  private readonly slots: readonly Slot[];
  private readonly free: Slot[];
  private readonly queue: ((slot: Slot) => void)[] = [];
  private hello: Hello | null = null;
  private lastId = 0;
  private readonly killAll = () => {
    for (const { worker } of this.slots) worker?.kill('SIGKILL');
  };

  constructor(private readonly options: CommandObjectiveOptions) {
    const { command, workers = 1 } = options;
    this.words = typeof command === 'string' ? commandWords(command) : command;
    this.slots = Array.from({ length: Math.max(1, workers) }, (_, number) => ({ number, worker: null }));
    this.free = [...this.slots];
    process.on('exit', this.killAll);
  }

  /** What the first worker says of itself. */
  async open(): Promise<Hello> {
    const [first] = this.slots as readonly [Slot];
    try {
      await this.start(first, this.options.signal);
    } catch (error) {
      throw error instanceof WorkerEnded ? this.crashed(error, `${WHERE}, first line`, 1) : error;
    }
    return this.hello as Hello;
  }

  async close(): Promise<void> {
    await Promise.all(this.slots.map(({ worker }) => worker?.close()));
    process.off('exit', this.killAll);
  }

  async evaluate(
    documents: Hello['documents'],
    requests: readonly LossRequest[],
    { onResult, signal }: Parameters<Objective['evaluate']>[1] = {},
  ): Promise<readonly DocumentLoss[]> {
    const losses: DocumentLoss[] = [];
    await inParallel(
      [...requests.entries()],
      this.slots.length,
      async ([index, request], stopped) => {
        const slot = this.free.pop() ?? (await new Promise<Slot>((resolve) => this.queue.push(resolve)));
        try {
          const loss = await this.request(slot, request, documents[request.document] as Document, stopped);
          losses[index] = loss;
          onResult?.(index, loss);
        } finally {
          const next = this.queue.shift();
          if (next === undefined) this.free.push(slot);
          else next(slot);
        }
      },
      signal,
    );
    return losses;
  }

  private async request(
    slot: Slot,
    request: LossRequest,
    { name, tokens }: Document,
    signal: AbortSignal,
  ): Promise<DocumentLoss> {
    const where = `${WHERE}, document ${name}`;
    const id = ++this.lastId;
    const message = lossMessage(id, name, request.candidate, request.gradient === true);
    for (let attempt = 1; ; attempt++) {
      try {
        const worker = slot.worker ?? (await this.start(slot, signal));
        return readLoss(await worker.ask(message, where, signal), { id, request, tokens, where });
      } catch (error) {
        if (!(error instanceof WorkerEnded)) throw error;
        slot.worker = null;
        if (attempt === ATTEMPTS) throw this.crashed(error, where, attempt);
      }
    }
  }

  private async start(slot: Slot, signal: AbortSignal | undefined): Promise<WorkerProcess> {
    const { problem, timeoutSeconds = 600, cwd, onStderr } = this.options;
    const worker = new WorkerProcess({
      words: this.words,
      timeoutSeconds,
      ...(cwd !== undefined && { cwd }),
      ...(onStderr && { onStderr }),
    });
    slot.worker = worker;
    try {
      const where = `${WHERE}, first line`;
      this.greet(await worker.ask(helloMessage(problem, slot.number), where, signal), where);
      return worker;
    } catch (error) {
      // It is not one to go on with, also if nothing but an interruption kept it from answering.
      await worker.close();
      slot.worker = null;
      throw error;
    }
  }

  private greet(answer: unknown, where: string): void {
    const hello = readHello(answer, where);
    if (this.hello !== null && canonicalJson(hello as Json) !== canonicalJson(this.hello as Json))
      throw new UserError('input', {
        where,
        expected: `every process of it to say the same, ${JSON.stringify(this.hello)}`,
        found: JSON.stringify(hello),
      });
    this.hello = hello;
  }

  private crashed(error: WorkerEnded, where: string, times: number): UserError {
    const asked = this.words.join(' ');
    if (error.isMissing)
      return new UserError('usage', { where, expected: 'a program that can be started', found: error.how });
    return new UserError('resource', {
      where,
      expected: 'an answer',
      found: `${asked} ended ${times === 1 ? '' : 'twice '}with ${error.how}`,
      fix: 'the same search resumes when the command can answer',
    });
  }
}

type Document = Hello['documents'][number];
