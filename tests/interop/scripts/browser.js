// Opens a file in a headless browser and says as JSON what happened: console messages, errors,
// requests, and what is seen of each plot, with a light and with a dark background. Takes pictures.
//
// node browser.js BROWSER FILE PICTURES
'use strict';

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');

const [browser, file, pictures] = process.argv.slice(2);
const profile = path.join(pictures, 'profile');
fs.mkdirSync(profile, { recursive: true });

const child = spawn(browser, [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars',
  '--no-first-run', '--disable-background-networking', '--disable-component-update',
  `--user-data-dir=${profile}`, '--window-size=1000,1400', '--remote-debugging-pipe', 'about:blank',
], { stdio: ['ignore', 'ignore', 'inherit', 'pipe', 'pipe'] });

const seen = { console: [], errors: [], requests: [], themes: {} };
const waiting = new Map();
const events = new Map();
let last = 0;
let pending = Buffer.alloc(0);

child.stdio[4].on('data', (piece) => {
  pending = Buffer.concat([pending, piece]);
  for (let end = pending.indexOf(0); end >= 0; end = pending.indexOf(0)) {
    receive(JSON.parse(pending.subarray(0, end).toString()));
    pending = pending.subarray(end + 1);
  }
});

function receive(message) {
  if (message.id) {
    const { resolve, reject } = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.error) reject(new Error(JSON.stringify(message.error)));
    else resolve(message.result);
    return;
  }
  const { method, params } = message;
  if (method === 'Runtime.consoleAPICalled') seen.console.push(JSON.stringify(params.args));
  if (method === 'Runtime.exceptionThrown') seen.errors.push(JSON.stringify(params.exceptionDetails));
  if (method === 'Log.entryAdded') seen.errors.push(params.entry.text);
  if (method === 'Network.requestWillBeSent') seen.requests.push(params.request.url);
  const awaited = events.get(method);
  if (awaited) awaited(params);
}

function call(method, params = {}, sessionId = undefined) {
  last += 1;
  const id = last;
  const answer = new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
  child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
  return answer;
}

// Runs in the page.
function look() {
  const colour = (text) => getComputedStyle(document.querySelector(text)).backgroundColor;
  const plots = {};
  for (const plot of document.querySelectorAll('svg.plot')) {
    const marks = [...plot.querySelectorAll('.mark')];
    const whole = plot.getBoundingClientRect();
    const inside = (box) => box.left >= whole.left - 1 && box.right <= whole.right + 1
      && box.top >= whole.top - 1 && box.bottom <= whole.bottom + 1;
    const boxes = marks.map((mark) => mark.getBoundingClientRect());
    const texts = [...plot.querySelectorAll('text')].map((text) => text.getBoundingClientRect());
    plots[plot.id] = {
      marks: marks.length,
      visible: boxes.filter((box) => box.width + box.height > 1).length,
      outside: boxes.concat(texts).filter((box) => !inside(box)).length,
      width: whole.width,
      height: whole.height,
      named: plot.getAttribute('role') === 'img'
        && plot.getAttribute('aria-labelledby').split(' ').every((id) => document.getElementById(id).textContent),
      stroke: marks.length ? getComputedStyle(marks[0]).stroke : '',
    };
  }
  return {
    title: document.title,
    background: colour('body'),
    ink: getComputedStyle(document.body).color,
    plots,
    tables: document.querySelectorAll('table').length,
    cells: document.querySelectorAll('td').length,
    scripts: document.scripts.length,
    foreign: document.querySelectorAll('img, iframe, link, object, embed').length,
    wider: document.documentElement.scrollWidth > document.documentElement.clientWidth,
  };
}

async function main() {
  const { targetId } = await call('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = await call('Target.attachToTarget', { targetId, flatten: true });
  const page = (method, params) => call(method, params, sessionId);
  for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await page(`${domain}.enable`);
  for (const theme of ['light', 'dark']) {
    await page('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: theme }] });
    const loaded = new Promise((resolve) => events.set('Page.loadEventFired', resolve));
    await page('Page.navigate', { url: pathToFileURL(file).href });
    await loaded;
    const answer = await page('Runtime.evaluate', { expression: `(${look})()`, returnByValue: true });
    seen.themes[theme] = answer.result.value;
    const { cssContentSize } = await page('Page.getLayoutMetrics');
    const clip = { x: 0, y: 0, width: cssContentSize.width, height: Math.min(cssContentSize.height, 6000), scale: 1 };
    const picture = await page('Page.captureScreenshot', { format: 'png', clip, captureBeyondViewport: true });
    fs.writeFileSync(path.join(pictures, `${theme}.png`), Buffer.from(picture.data, 'base64'));
  }
  await call('Browser.close').catch(() => {});
  process.stdout.write(`${JSON.stringify(seen)}\n`);
}

const limit = setTimeout(() => {
  child.kill('SIGKILL');
  process.stderr.write('the browser took too long\n');
  process.exit(1);
}, 120000);
child.on('error', (error) => {
  process.stderr.write(`${browser}: ${error.message}\n`);
  process.exit(1);
});

main().then(() => {
  clearTimeout(limit);
  process.exit(0);
}, (error) => {
  child.kill('SIGKILL');
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
