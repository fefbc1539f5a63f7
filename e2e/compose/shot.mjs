// Signs alice in through whatever identity provider the bank at FRONT has, makes a deposit if she has no account yet, and
// keeps a picture of the account page.
//
// usage: node shot.mjs FRONT FILE        (e2e/browser/node_modules must be there: npm install)

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const require = createRequire(fileURLToPath(new URL("../browser/bank.mjs", import.meta.url)));
const { chromium } = require("playwright-core");
const [front, file] = process.argv.slice(2);
const QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: QUIET });
try {
  const page = await browser.newPage({ viewport: { width: 1100, height: 640 } });
  await page.goto(new URL("account", front).href);
  await page.locator('input[name="username"], input[name="name"]').fill("alice");
  await page.locator('input[name="password"]').fill("alice-pw");
  await page.locator('[type="submit"]').first().click();
  await page.waitForURL(`${front}**`);
  await page.goto(new URL("account", front).href);
  if ((await page.locator("[data-currency]").count()) === 0) {
    await page.goto(new URL("deposit", front).href);
    await page.getByLabel("Amount").fill("1250");
    await page.getByRole("button", { name: "Deposit", exact: true }).click();
    await page.goto(new URL("account", front).href);
  }
  assert.ok((await page.locator("[data-currency=USD]").count()) === 1, "a balance is shown");
  await page.screenshot({ path: file });
} finally {
  await browser.close();
}
