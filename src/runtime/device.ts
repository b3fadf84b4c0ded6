import { UserError } from '../errors.js';

/** Where a model runs; the names of ONNX Runtime's execution providers. */
export const DEVICES = ['cpu', 'webgpu', 'cuda', 'coreml', 'dml'] as const;
export type Device = (typeof DEVICES)[number];

/** What the installed onnxruntime-node was built with; it does not say that there is such a device. */
export interface Backend {
  readonly name: string;
  /** Whether all libraries it needs came with the package. */
  readonly bundled: boolean;
}

/** What must be there for a session to open, and what to do when it does not. */
const NEEDS: Readonly<Record<Exclude<Device, 'cpu'>, string>> = {
  webgpu: "a GPU with a Vulkan driver (Linux: libvulkan1 and the vendor's driver), D3D12 or Metal",
  cuda: 'an NVIDIA GPU with CUDA 12 and cuDNN 9, and the libraries that "node node_modules/onnxruntime-node/script/install" downloads (install scripts are off here)',
  coreml: 'macOS on Apple silicon',
  dml: 'Windows with a DirectX 12 GPU',
};

/** Throws `UserError('unsupported')` for a device that this installation knows nothing about. */
export function checkDevice(device: Device, backends: readonly Backend[]): void {
  const names = backends.map(({ name }) => name);
  if (device === 'cpu' || names.includes(device)) return;
  const usable = DEVICES.filter((name) => name === 'cpu' || names.includes(name));
  throw new UserError('unsupported', {
    where: `--device ${device}`,
    expected: `one of ${usable.join(', ')}, which onnxruntime-node has on ${process.platform}-${process.arch}`,
    found: device,
    fix: `${device} needs ${NEEDS[device]}`,
  });
}

/** A session that did not open: nothing runs on the CPU in its place. */
export function deviceFailure(device: Exclude<Device, 'cpu'>, error: unknown): UserError {
  const message = error instanceof Error ? error.message : String(error);
  // ONNX Runtime begins with the place in its own source and the condition that did not hold.
  const reason = message.split(' was false. ').at(-1) as string;
  return new UserError(
    'unsupported',
    {
      where: `--device ${device}`,
      expected: NEEDS[device],
      found: reason.replace(/\s+/g, ' ').trim(),
      fix: 'use --device cpu',
    },
    { cause: error },
  );
}
