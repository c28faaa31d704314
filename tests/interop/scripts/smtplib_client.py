"""Sends one message with smtplib; the order comes as JSON on standard input."""

import json
import smtplib
import ssl
import sys

order = json.load(sys.stdin)
context = None
if order["tls"] != "plain":
    context = ssl.create_default_context(cafile=order["authority"])
    if order["certificate"]:
        context.load_cert_chain(order["certificate"], order["key"])

options = {"local_hostname": "smtplib.example", "timeout": 60}
if order["tls"] == "implicit":
    session = smtplib.SMTP_SSL(order["host"], order["port"], context=context, **options)
else:
    session = smtplib.SMTP(order["host"], order["port"], **options)

with open(order["file"], "rb") as file:
    content = file.read()
with session:
    if order["tls"] == "starttls":
        session.starttls(context=context)
    refused = session.sendmail(order["from"], order["to"], content, mail_options=["BODY=8BITMIME"])
if refused:
    sys.exit(f"refused: {refused}")
