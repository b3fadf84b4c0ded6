import type { Page } from 'playwright-core';

export type Rgb = readonly [number, number, number];

/** The channels of an `rgb(...)` as computed styles write it. */
export function parseColour(text: string): Rgb {
  const [r, g, b] = (text.match(/[\d.]+/g) ?? []).map(Number);
  return [r!, g!, b!];
}

/** A CSS colour as the browser resolves it in the page's present colour scheme. */
export async function colourOf(page: Page, css: string): Promise<Rgb> {
  const text = await page.evaluate(`(() => {
    const probe = document.body.appendChild(document.createElement('span'));
    probe.style.color = ${JSON.stringify(css)};
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  })()`);
  return parseColour(String(text));
}

/** Relative luminance of WCAG 2. */
export function luminance(colour: Rgb): number {
  const [r, g, b] = colour.map((channel) => {
    const c = channel / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

/** Contrast ratio of WCAG 2. */
export function contrast(a: Rgb, b: Rgb): number {
  const [darker, lighter] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (lighter! + 0.05) / (darker! + 0.05);
}
