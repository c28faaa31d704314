// Sends one message with nodemailer; the order comes as JSON on standard input.
"use strict";

const fs = require("node:fs");
const nodemailer = require("nodemailer");

const order = JSON.parse(fs.readFileSync(0, "utf8"));
const read = (path) => (path ? fs.readFileSync(path) : undefined);

const transport = nodemailer.createTransport({
  host: order.host,
  port: order.port,
  name: "nodemailer.example",
  secure: order.tls === "implicit",
  requireTLS: order.tls === "starttls",
  ignoreTLS: order.tls === "plain",
  connectionTimeout: 60000,
  socketTimeout: 60000,
  tls: {
    ca: read(order.authority),
    cert: read(order.certificate),
    key: read(order.key),
  },
});

transport
  .sendMail({
    envelope: { from: order.from, to: order.to, use8BitMime: true },
    raw: fs.readFileSync(order.file),
  })
  .then((info) => {
    transport.close();
    if (info.rejected.length > 0) {
      throw new Error(`rejected: ${info.rejected}`);
    }
  })
  .catch((error) => {
    console.error(error);
    process.exit(1);
  });
