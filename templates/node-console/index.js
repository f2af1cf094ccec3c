import { stdin, stdout } from "node:process";
import { createInterface } from "node:readline/promises";

const terminal = createInterface({ input: stdin, output: stdout });

const name = await terminal.question("What is your name? ");
const year = Number(await terminal.question(`Hello, ${name}! In which year were you born? `));

if (Number.isInteger(year)) {
  console.log(`You turn ${new Date().getFullYear() - year} this year.`);
} else {
  console.log("That is not a year.");
}

terminal.close();
