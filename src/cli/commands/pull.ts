import { Command } from 'commander';
import { collect } from '../parsers.js';

export interface PullFlags {
  readonly revision?: string;
  readonly file?: string;
  readonly include?: readonly string[];
  readonly dataset?: true;
  readonly out?: string;
  readonly endpoint?: string;
  readonly force?: true;
  readonly json?: true;
}

export function pullCommand(): Command {
  return new Command('pull')
    .description('Download a model or data set of the Hugging Face Hub into a plain folder; a second start goes on.')
    .argument('<repository>', 'owner/name, or owner/name:FILE.gguf')
    .option('--revision <name>', 'branch, tag or commit (default: main)')
    .option('--file <path>', 'one file of the repository')
    .option('--include <glob>', 'load exactly the files that match; repeatable', collect)
    .option('--dataset', 'a data set, not a model')
    .option('--out <folder>', 'folder to load into (default: the name without its owner)')
    .option('--endpoint <url>', 'server (default: HF_ENDPOINT, else https://huggingface.co)')
    .option('--force', 'replace files of the same names that have other contents')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nHF_TOKEN is sent to the server if it is set, over https only.')
    .action(async (repository: string, flags: PullFlags) => {
      const { runPull } = await import('../actions/pull.js');
      await runPull(repository, flags);
    });
}
