import { Option } from 'commander';

export type DeviceName = 'cpu' | 'webgpu' | 'cuda' | 'coreml' | 'dml';

/** `--device` of every command that runs a model. */
export function deviceOption(): Option {
  return new Option('--device <name>', 'where the model runs; nothing falls back to the CPU (docs/devices.md)')
    .choices(['cpu', 'webgpu', 'cuda', 'coreml', 'dml'] satisfies DeviceName[])
    .default('cpu');
}
