import { existsSync } from 'node:fs';
import { type BrowserContext, chromium } from 'playwright-core';

/** The browser of the system: `CHROMIUM_PATH`, else Debian's. Playwright's own download is not used. */
export function chromiumPath(): string {
  const path = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
  if (!existsSync(path)) {
    throw new Error(`no Chromium at ${path}; install it (apt-get install chromium) or set CHROMIUM_PATH`);
  }
  return path;
}

/** A browser with a fresh profile that is offline as far as flags can make it; close it with `context.close()`. */
export function launchChromium(profile: string): Promise<BrowserContext> {
  return chromium.launchPersistentContext(profile, {
    executablePath: chromiumPath(),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
