import { createHash } from 'node:crypto';
import type { Plugin } from 'vite';

/**
 * Moves the built script and style into the HTML file, so that the page is one file, and pins the script in the content
 * security policy by its hash, so that nothing a report carries can ever run.
 */
export function inlineEverything(): Plugin {
  return {
    name: 'inline-everything',
    enforce: 'post',
    generateBundle(_options, bundle) {
      const files = Object.values(bundle);
      const page = files.find((file) => file.fileName.endsWith('.html'));
      const script = files.find((file) => file.type === 'chunk');
      const style = files.find((file) => file.fileName.endsWith('.css'));
      if (page?.type !== 'asset' || script?.type !== 'chunk' || style?.type !== 'asset' || files.length !== 3) {
        throw new Error(`expected one page, script and style, got ${files.map((file) => file.fileName).join(', ')}`);
      }
      // `</script` can only stand in a string or a regular expression, where the backslash changes nothing.
      const code = script.code.replaceAll('</script', '<\\/script');
      const hash = createHash('sha256').update(code).digest('base64');
      page.source = String(page.source)
        .replace(/<script type="module"[^>]*><\/script>/, '')
        .replace(/<link rel="stylesheet"[^>]*>/, () => `<style>${String(style.source)}</style>`)
        .replace('script-src self', () => `script-src 'sha256-${hash}'`)
        .replace('</body>', () => `<script type="module">${code}</script>\n  </body>`);
      if (!page.source.includes(hash)) throw new Error('the page lost its content security policy');
      delete bundle[script.fileName];
      delete bundle[style.fileName];
    },
  };
}
