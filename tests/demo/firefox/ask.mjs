// Opens the page in Firefox through WebDriver BiDi and types texts: node ask.mjs FIREFOX ADDRESS TEXT...
// Prints one JSON object: the browser, what the page says of itself, and per text what it shows and its tokens.
import puppeteer from 'puppeteer-core';

const [executablePath, address, ...texts] = process.argv.slice(2);
const LIMIT = 240_000;
const browser = await puppeteer.launch({ browser: 'firefox', executablePath, headless: true, timeout: LIMIT, protocolTimeout: LIMIT });
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(LIMIT);
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(address);
  await page.waitForSelector('#badge:not([hidden]), #problem:not([hidden])');
  const problem = await page.$eval('#problem', (found) => (found.hidden ? null : found.textContent));
  const answers = [];
  for (const text of problem ? [] : texts) {
    await page.$eval('#text', (field) => (field.value = ''));
    await page.type('#text', text);
    await page.keyboard.press('Enter');
    await page.waitForSelector('#candidates[aria-busy=false] button.candidate');
    const shown = await page.$eval('button.candidate', (button) => button.dataset.raw);
    const tokens = await page.evaluate((asked) => window.pocketmoji.answer(asked, { grammar: false }).then((found) => found[0].tokens), text);
    answers.push({ text, shown, tokens });
  }
  const info = await page.evaluate(() => window.pocketmoji?.info() ?? null);
  console.log(JSON.stringify({ browser: await browser.version(), problem, info, answers, errors }));
} finally {
  await browser.close();
}
