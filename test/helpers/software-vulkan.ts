import { existsSync } from 'node:fs';
import path from 'node:path';

/** Debian's Chromium brings SwiftShader, a Vulkan driver in software, and the loader for it. */
const CHROMIUM = '/usr/lib/chromium';

/** The environment in which WebGPU finds a device without a GPU; null when there is no such driver. */
export function softwareVulkan(): NodeJS.ProcessEnv | null {
  const driver = path.join(CHROMIUM, 'vk_swiftshader_icd.json');
  if (!existsSync(driver) || !existsSync(path.join(CHROMIUM, 'libvulkan.so.1'))) return null;
  return { VK_ICD_FILENAMES: driver, VK_DRIVER_FILES: driver, LD_LIBRARY_PATH: CHROMIUM };
}

export const NO_VULKAN = 'skipped: no Vulkan driver in software; apt-get install chromium';
