'use strict'
// Forwards in line, as queue/smtp_forward does, with the client certificate of the tenant that
// owns the message: by the client's certificate, or by the sender's domain.
//
// Haraka's own `connection.tls.verified` is never true after STARTTLS (node sets it for servers of
// its tls module only), so clients are known by the fingerprint of their certificate, whose key
// the handshake proves.
//
// One TLS context and one session for each tenant are kept, so that no handshake reads a
// certificate from disk and later ones resume.

const fs = require('node:fs')
const path = require('node:path')
const tls = require('node:tls')

const smtp_client = require('./smtp_client')

exports.register = function () {
    const cfg = this.config.get('tenants.ini')
    this.evidence = cfg.main.evidence
    this.target = { host: cfg.main.host, port: cfg.main.port, enable_tls: true }
    this.tls_options = {}
    const folder = path.join(path.dirname(this.plugin_path), '..', 'tenants')
    const ca = fs.readFileSync(path.join(folder, '..', 'config', 'tls_ca.pem'))
    this.tenants = new Map()
    this.owners = new Map()
    const { client, tenants } = this.config.get('fingerprints.json')
    this.client = client
    for (const [tenant, fingerprint] of Object.entries(tenants)) {
        const read = (kind) => fs.readFileSync(path.join(folder, `${tenant}.${kind}`))
        const context = tls.createSecureContext({ ca, cert: read('pem'), key: read('key') })
        this.tenants.set(tenant, { context, session: undefined })
        this.owners.set(this.evidence === 'sender' ? `${tenant}.example` : fingerprint, tenant)
    }
    this.register_hook('mail', 'attribute')
    this.register_hook('rcpt', 'accept')
    this.register_hook('queue', 'forward')
}

exports.attribute = function (next, connection, params) {
    const fingerprint = connection.tls.peerCertificate?.fingerprint256
    let key = fingerprint
    if (this.evidence === 'sender') {
        if (fingerprint !== this.client) return next(DENY, 'A trusted certificate is needed')
        key = params[0].host?.toLowerCase()
    }
    const tenant = this.owners.get(key)
    if (!tenant) return next(DENY, 'Nobody owns this message')
    connection.transaction.notes.tenant = tenant
    next(OK)
}

exports.accept = (next, connection) => next(connection.transaction.notes.tenant ? OK : DENY)

exports.forward = function (next, connection) {
    const { transaction } = connection
    const tenant = this.tenants.get(transaction.notes.tenant)
    smtp_client.get_client_plugin(this, connection, this.target, (_, client) => {
        client.next = next
        client.tls_options = {
            servername: this.target.host,
            secureContext: tenant.context,
            session: tenant.session,
            rejectUnauthorized: true,
        }
        client.upgrade = (options) => {
            client.socket.upgrade(options)
            client.socket.cleartext.on('session', (session) => {
                tenant.session = session
            })
        }
        let rcpt = 0
        const gone = () => client.is_dead_sender(this, connection)
        const send_rcpt = () => {
            if (gone()) return
            if (rcpt === transaction.rcpt_to.length) return client.send_command('DATA')
            client.send_command('RCPT', `TO:${transaction.rcpt_to[rcpt].format(!client.smtputf8)}`)
            rcpt += 1
        }
        client.on('mail', send_rcpt)
        client.on('rcpt', send_rcpt)
        client.on('data', () => {
            if (!gone()) client.start_data(transaction.message_stream)
        })
        client.on('dot', () => {
            if (gone()) return
            client.call_next(OK, client.response)
            client.release()
        })
        client.on('bad_code', (code, message) => {
            if (gone()) return
            client.call_next(code[0] === '5' ? DENY : DENYSOFT, message)
            client.release()
        })
    })
}
