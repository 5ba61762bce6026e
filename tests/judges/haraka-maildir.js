// A plugin for Haraka: takes mail for any address and writes all of it into one Maildir, with the envelope before it.
// Runs as CommonJS inside Haraka; .ci/servers.sh copies it there. The folder stands in NEWSLETTER_HARAKA_MAILDIR.

const fs = require('node:fs')
const path = require('node:path')

const FOLDER = process.env.NEWSLETTER_HARAKA_MAILDIR

exports.register = function () {
    for (const name of ['tmp', 'new', 'cur']) fs.mkdirSync(path.join(FOLDER, name), { recursive: true })
    this.register_hook('rcpt', 'everybody')
    this.register_hook('queue', 'keep')
}

exports.everybody = (next) => next(OK)

exports.keep = (next, connection) => {
    const transaction = connection.transaction
    const written = path.join(FOLDER, 'tmp', transaction.uuid)
    const file = fs.createWriteStream(written)
    file.once('error', (error) => next(DENYSOFT, error.message))
    file.once('close', () => {
        fs.renameSync(written, path.join(FOLDER, 'new', transaction.uuid))
        next(OK)
    })
    file.write(`Return-Path: ${transaction.mail_from.format()}\r\n`)
    for (const recipient of transaction.rcpt_to) file.write(`Delivered-To: ${recipient.address}\r\n`)
    transaction.message_stream.pipe(file)
}
