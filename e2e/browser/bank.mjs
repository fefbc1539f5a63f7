// Two people use the demo in a real browser, in every mode. Every page is checked for accessibility (axe-core), for
// errors in the console, and kept as a picture.
//
// usage: node bank.mjs PATH-OF-DASVID [FOLDER-FOR-PICTURES]

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";

const program = resolve(process.argv[2] ?? "target/release/dasvid");
const pictures = resolve(process.argv[3] ?? "target/pages");
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const MODES = { plain: "Plain", id: "ID", anonymous: "Anonymous" };
// Debian's Chromium without the calls home it makes otherwise.
const QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];

const folder = mkdtempSync(join(tmpdir(), "bank-"));
const demo = spawn(program, ["demo", "--dir", folder, "--listen", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "inherit"] });
const ended = new Promise((done) => demo.on("exit", (code) => done(code)));
const front = await new Promise((done, fail) => {
  let text = "";
  demo.stdout.on("data", (chunk) => {
    text += chunk;
    const open = text.match(/^Open (http:\S+)$/m);
    if (open) done(open[1]);
  });
  ended.then((code) => fail(new Error(`the demo ended with ${code}`)));
  setTimeout(() => fail(new Error("the demo does not get ready")), 20_000).unref();
});

mkdirSync(pictures, { recursive: true });
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: QUIET });
const complaints = [];

async function person(name) {
  // axe is injected as a script, which the pages' own policy rightly forbids: only the test goes around it.
  const context = await browser.newContext({ bypassCSP: true, viewport: { width: 1100, height: 800 } });
  const page = await context.newPage();
  page.on("console", (message) => message.type() === "error" && complaints.push(`${name}: ${message.text()}`));
  page.on("pageerror", (error) => complaints.push(`${name}: ${error}`));
  return page;
}

async function look(page, name) {
  await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  for (const violation of violations) {
    complaints.push(`${name}: ${violation.id}: ${violation.help} (${violation.nodes.map((node) => node.target).join(", ")})`);
  }
}

async function signIn(page, name) {
  await page.goto(front);
  await look(page, `${name}-home`);
  await page.getByRole("link", { name: "Sign in" }).first().click();
  await look(page, `${name}-provider`);
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill(`${name}-pw`);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${front}**`);
}

async function holds(page) {
  await page.goto(new URL("account", front).href);
  const card = page.locator("[data-currency=USD]");
  return (await card.count()) ? Number(await card.getAttribute("data-minor")) : 0;
}

async function deposit(page, amount) {
  await page.goto(new URL("deposit", front).href);
  await page.getByLabel("Amount").fill(amount);
  await page.getByRole("button", { name: "Deposit", exact: true }).click();
}

async function transfer(page, to, amount, note, picture) {
  await page.getByRole("link", { name: "Transfer", exact: true }).click();
  await page.getByLabel("Account number").fill(to);
  await page.getByLabel("Amount").fill(amount);
  await page.getByLabel("Note").fill(note);
  if (picture) await look(page, `${picture}-form`);
  await page.getByRole("button", { name: "Continue" }).click();
  if (picture) await look(page, `${picture}-review`);
}

const send = (page) => page.getByRole("button", { name: /^Send / }).click();

async function moved(page) {
  await page.goto(new URL("transactions", front).href);
  const rows = page.locator("[data-transaction]");
  return rows.evaluateAll((all) => all.map((row) => [row.dataset.transaction, Number(row.dataset.moved)]));
}

async function numberOf(page) {
  await page.goto(new URL("account", front).href);
  return page.locator("[data-account-number]").innerText();
}

try {
  const alice = await person("alice");
  const bob = await person("bob");
  await signIn(alice, "alice");
  await signIn(bob, "bob");
  let expected = await holds(alice);
  for (const [mode, label] of Object.entries(MODES)) {
    await alice.getByRole("button", { name: label, exact: true }).click();
    await deposit(alice, "12.34");
    expected += 1234;
    assert.equal(await holds(alice), expected, `alice's balance after a deposit in mode ${mode}`);
    await look(alice, `account-${mode}`);
    await alice.goto(new URL("token", front).href);
    await look(alice, `token-${mode}`);
    assert.equal(await alice.locator("[data-mode]").first().getAttribute("data-mode"), mode);
  }
  assert.equal(await holds(bob), 0, "bob's account is not alice's");
  await look(bob, "account-none");
  await deposit(bob, "-5");
  await look(bob, "deposit-refused");
  assert.equal(await holds(bob), 0, "a negative amount moves nothing");
  await deposit(bob, "1");
  assert.equal(await holds(bob), 100);
  assert.equal(await holds(alice), expected, "alice's balance is not bob's");

  const [alices, bobs] = [await numberOf(alice), await numberOf(bob)];
  assert.notEqual(alices, bobs);
  let bobHolds = 100;
  for (const [mode, label] of Object.entries(MODES)) {
    await alice.getByRole("button", { name: label, exact: true }).click();
    await bob.getByRole("button", { name: label, exact: true }).click();
    await transfer(alice, bobs, "2.50", `for lunch, ${mode} <b>`, `transfer-${mode}`);
    await send(alice);
    expected -= 250;
    bobHolds += 250;
    assert.match(await alice.getByRole("status").innerText(), /^USD 2\.50 sent to /, `mode ${mode}`);
    await look(alice, `transactions-alice-${mode}`);
    assert.equal(await holds(alice), expected, `alice's balance after a transfer in mode ${mode}`);
    assert.equal(await holds(bob), bobHolds, `bob's balance after a transfer in mode ${mode}`);
    assert.deepEqual((await moved(alice))[0], ["transfer-out", -250]);
    assert.deepEqual((await moved(bob))[0], ["transfer-in", 250]);
    assert.match(await bob.locator("[data-transaction]").first().innerText(), new RegExp(`${alices}.*for lunch, ${mode} <b>`, "s"));
    await look(bob, `transactions-bob-${mode}`);
  }
  // What does not go: a mistyped number, the own number, more than there is. Nothing moves.
  await transfer(bob, bobs.replace(/.$/, (digit) => String((Number(digit) + 1) % 10)), "1", "", null);
  await look(bob, "transfer-mistyped");
  assert.match(await bob.getByRole("alert").innerText(), /mistyped/);
  await transfer(bob, bobs, "1", "", null);
  await send(bob);
  await look(bob, "transfer-to-oneself");
  await transfer(bob, alices, "1000", "", null);
  await send(bob);
  await look(bob, "transfer-overdraft");
  assert.equal(await bob.locator("[data-problem]").getAttribute("data-problem"), "urn:x-dasvid:problem:conflict");
  assert.equal(await holds(bob), bobHolds, "nothing was moved");
  // A change of mind keeps what was typed, and two clicks are one transfer.
  await transfer(bob, alices, "1", "back", null);
  await bob.getByRole("button", { name: "Change it" }).click();
  assert.equal(await bob.getByLabel("Amount").inputValue(), "1");
  await bob.getByRole("button", { name: "Continue" }).click();
  await bob.getByRole("button", { name: /^Send / }).dblclick();
  await bob.waitForURL("**/transactions");
  assert.equal(await holds(bob), bobHolds - 100, "clicked twice, moved once");
  expected += 100;
  // Enough for a second page of transactions.
  for (let count = 0; count < 18; count += 1) await deposit(alice, "0.01");
  expected += 18;
  const first = await moved(alice);
  assert.equal(first.length, 20);
  await alice.getByRole("link", { name: "Older" }).click();
  await look(alice, "transactions-older");
  const older = await alice.locator("[data-transaction]").count();
  assert.ok(older > 0 && (await alice.getByRole("link", { name: "Newest" }).count()) === 1);
  await alice.setViewportSize({ width: 390, height: 800 });
  for (const path of ["account", "transactions", "transfer"]) {
    await alice.goto(new URL(path, front).href);
    await look(alice, `narrow-${path}`);
    const overflow = await alice.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `${path} is ${overflow} pixels too wide on a phone`);
  }
  await alice.setViewportSize({ width: 1100, height: 800 });
  assert.equal(await holds(alice), expected);

  await alice.goto(new URL("profile", front).href);
  await look(alice, "profile");
  await alice.goto(new URL("no-such-page", front).href);
  await look(alice, "not-found");
  await alice.goto(new URL("account", front).href);
  await alice.getByRole("button", { name: "Sign out" }).click();
  await look(alice, "signed-out");
  await alice.goto(new URL("account", front).href);
  assert.equal(await alice.locator("[data-currency]").count(), 0, "the account is closed after signing out");
  const expectedErrors = /status of (404|400|409|422)/;
  const wrong = complaints.filter((line) => !expectedErrors.test(line));
  assert.deepEqual(wrong, [], "no page complains");
  console.log(`two people, three modes, pictures in ${pictures}`);
} finally {
  await browser.close();
  demo.kill("SIGINT");
  const code = await ended;
  rmSync(folder, { recursive: true, force: true });
  assert.equal(code, 0, `the demo ended with ${code}`);
}
