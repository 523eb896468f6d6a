/* The loops of loops.py over frames and packets, compiled, and the handshake of quick_handshake.py: an optional extension, see
 * docs/decisions/0006 and 0081.
 *
 * There is no cryptography of our own in here. ChaCha20-Poly1305 and the sponge come from the OpenSSL that Python itself has
 * loaded, the curves and HMAC from the libsodium of PyNaCl. We find both at run time, so that this file can be built without
 * their headers and without linking to them.
 *
 * Every length is checked against the buffer that it refers to. Decrypted data leaves this file only after its tag has
 * been verified.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <structmember.h>

#define KEY_BYTES 32
#define NONCE_BYTES 12
#define TAG_BYTES 16
#define LENGTH_BYTES 4
#define FRAME_DATA 1024
#define FRAME_PLAIN (LENGTH_BYTES + FRAME_DATA)
#define FRAME_SEALED (FRAME_PLAIN + TAG_BYTES)

#define FRAMES_UNDER_LOCK 4 /* sealing this few is faster than releasing the interpreter lock and taking it again */


/* --- OpenSSL ---------------------------------------------------------------------------------------------------- */

/* Part of OpenSSL's stable interface since 1.1.0. */
#define EVP_CTRL_AEAD_GET_TAG 0x10
#define EVP_CTRL_AEAD_SET_TAG 0x11

static struct {
    void *(*ctx_new)(void);
    void (*ctx_free)(void *);
    int (*ctx_ctrl)(void *, int, int, void *);
    const void *(*chacha20_poly1305)(void);
    int (*encrypt_init)(void *, const void *, void *, const unsigned char *, const unsigned char *);
    int (*encrypt_update)(void *, unsigned char *, int *, const unsigned char *, int);
    int (*encrypt_final)(void *, unsigned char *, int *);
    int (*decrypt_init)(void *, const void *, void *, const unsigned char *, const unsigned char *);
    int (*decrypt_update)(void *, unsigned char *, int *, const unsigned char *, int);
    int (*decrypt_final)(void *, unsigned char *, int *);
    void (*clear_error)(void);
    void (*cleanse)(void *, size_t);
    const char *(*version)(int);
} evp;

static int evp_is_loaded = 0;

static int
find(void *library, const char *name, void *target)
{
    void *symbol = dlsym(library, name);
    if (symbol == NULL) {
        return 0;
    }
    memcpy(target, &symbol, sizeof(symbol)); /* POSIX guarantees that a void * can hold a function's address */
    return 1;
}

static int
find_all(void *library)
{
    return find(library, "EVP_CIPHER_CTX_new", &evp.ctx_new) && find(library, "EVP_CIPHER_CTX_free", &evp.ctx_free) &&
           find(library, "EVP_CIPHER_CTX_ctrl", &evp.ctx_ctrl) &&
           find(library, "EVP_chacha20_poly1305", &evp.chacha20_poly1305) &&
           find(library, "EVP_EncryptInit_ex", &evp.encrypt_init) &&
           find(library, "EVP_EncryptUpdate", &evp.encrypt_update) &&
           find(library, "EVP_EncryptFinal_ex", &evp.encrypt_final) &&
           find(library, "EVP_DecryptInit_ex", &evp.decrypt_init) &&
           find(library, "EVP_DecryptUpdate", &evp.decrypt_update) &&
           find(library, "EVP_DecryptFinal_ex", &evp.decrypt_final) &&
           find(library, "ERR_clear_error", &evp.clear_error) && find(library, "OPENSSL_cleanse", &evp.cleanse) &&
           find(library, "OpenSSL_version", &evp.version);
}

static PyObject *
load_openssl(PyObject *Py_UNUSED(module), PyObject *name)
{
    const char *path = NULL;
    if (name != Py_None) {
        path = PyUnicode_AsUTF8(name);
        if (path == NULL) {
            return NULL;
        }
    }
    if (!evp_is_loaded) {
        /* dlsym also searches the library's dependencies, so the path of a Python module that is linked with OpenSSL
         * leads to that OpenSSL. The handle is kept for the life of the process. */
        void *library = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
        if (library == NULL) {
            Py_RETURN_NONE;
        }
        if (!find_all(library)) {
            dlclose(library);
            Py_RETURN_NONE;
        }
        /* OpenSSL may have been built or configured without this cipher, so try it. */
        unsigned char key[KEY_BYTES] = {0};
        void *ctx = evp.ctx_new();
        const void *cipher = evp.chacha20_poly1305();
        int works = ctx != NULL && cipher != NULL && evp.encrypt_init(ctx, cipher, NULL, key, NULL) == 1;
        evp.ctx_free(ctx);
        if (!works) {
            evp.clear_error();
            dlclose(library);
            Py_RETURN_NONE;
        }
        evp_is_loaded = 1;
    }
    return PyUnicode_FromString(evp.version(0));
}

/* --- frames ------------------------------------------------------------------------------------------------------ */

typedef struct {
    PyObject_HEAD
    void *ctx;
    int opens;   /* opens frames; otherwise it seals them */
    int is_busy; /* a thread is in the loop below, having released the interpreter lock */
} FrameCipher;

static int
frame_cipher_begin(FrameCipher *self, int opens)
{
    if (self->ctx == NULL || self->opens != opens) {
        PyErr_SetString(PyExc_TypeError, opens ? "this FrameCipher seals" : "this FrameCipher opens");
        return 0;
    }
    if (self->is_busy) {
        PyErr_SetString(PyExc_RuntimeError, "a FrameCipher is used by two threads at once");
        return 0;
    }
    self->is_busy = 1;
    return 1;
}

static void
put_nonce(unsigned char *nonce, uint64_t counter)
{
    memset(nonce, 0, 4);
    for (int i = 0; i < 8; i++) {
        nonce[4 + i] = (unsigned char)(counter >> (8 * i));
    }
}

/* Returns: NULL with an exception set, if OpenSSL does not want to. */
static PyObject *
new_cipher(PyTypeObject *type, const unsigned char *key, int opens)
{
    FrameCipher *self = (FrameCipher *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    int ok = 0;
    self->opens = opens;
    self->ctx = evp.ctx_new();
    if (self->ctx != NULL) {
        ok = (opens ? evp.decrypt_init : evp.encrypt_init)(self->ctx, evp.chacha20_poly1305(), NULL, key, NULL);
    }
    if (ok != 1) {
        evp.clear_error();
        PyErr_SetString(PyExc_RuntimeError, "OpenSSL refused the key");
        Py_CLEAR(self);
    }
    return (PyObject *)self;
}

static PyObject *
frame_cipher_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"key", "opens", NULL};
    Py_buffer key;
    int opens;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "y*p:FrameCipher", names, &key, &opens)) {
        return NULL;
    }
    PyObject *self = NULL;
    if (!evp_is_loaded) {
        PyErr_SetString(PyExc_RuntimeError, "no OpenSSL is loaded");
    } else if (key.len != KEY_BYTES) {
        PyErr_Format(PyExc_ValueError, "a key has %d bytes, not %zd", KEY_BYTES, key.len);
    } else {
        self = new_cipher(type, key.buf, opens);
    }
    PyBuffer_Release(&key);
    return self;
}

static void
frame_cipher_dealloc(FrameCipher *self)
{
    PyTypeObject *type = Py_TYPE(self);
    if (self->ctx != NULL) {
        evp.ctx_free(self->ctx); /* wipes the key */
    }
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

/* Encrypts one frame in place: 1028 bytes, followed by room for the tag. */
static int
seal_frame(void *ctx, uint64_t counter, unsigned char *frame)
{
    unsigned char nonce[NONCE_BYTES];
    int size;
    put_nonce(nonce, counter);
    return evp.encrypt_init(ctx, NULL, NULL, NULL, nonce) == 1 &&
           evp.encrypt_update(ctx, frame, &size, frame, FRAME_PLAIN) == 1 && size == FRAME_PLAIN &&
           evp.encrypt_final(ctx, frame + FRAME_PLAIN, &size) == 1 &&
           evp.ctx_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, frame + FRAME_PLAIN) == 1;
}

static int
seal_all(void *ctx, uint64_t counter, const unsigned char *data, size_t size, unsigned char *out)
{
    while (size > 0) {
        size_t length = size < FRAME_DATA ? size : FRAME_DATA;
        for (int i = 0; i < LENGTH_BYTES; i++) {
            out[i] = (unsigned char)(length >> (8 * i));
        }
        memcpy(out + LENGTH_BYTES, data, length);
        memset(out + LENGTH_BYTES + length, 0, FRAME_DATA - length);
        if (!seal_frame(ctx, counter, out)) {
            return 0;
        }
        counter++;
        data += length;
        size -= length;
        out += FRAME_SEALED;
    }
    return 1;
}

static PyObject *
frame_cipher_seal(FrameCipher *self, PyObject *args)
{
    unsigned long long counter;
    Py_buffer data;
    if (!PyArg_ParseTuple(args, "Ky*:seal", &counter, &data)) {
        return NULL;
    }
    PyObject *sealed = NULL;
    size_t size = (size_t)data.len, frames = size / FRAME_DATA + (size % FRAME_DATA != 0);
    if (frames > PY_SSIZE_T_MAX / FRAME_SEALED) {
        PyErr_NoMemory();
    } else if (frame_cipher_begin(self, 0)) {
        sealed = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(frames * FRAME_SEALED));
        if (sealed != NULL) {
            unsigned char *out = (unsigned char *)PyBytes_AS_STRING(sealed);
            int ok;
            if (frames > FRAMES_UNDER_LOCK) {
                Py_BEGIN_ALLOW_THREADS
                ok = seal_all(self->ctx, counter, data.buf, size, out);
                Py_END_ALLOW_THREADS
            } else {
                ok = seal_all(self->ctx, counter, data.buf, size, out);
            }
            if (!ok) {
                evp.clear_error();
                Py_CLEAR(sealed);
                PyErr_SetString(PyExc_RuntimeError, "OpenSSL failed to seal a frame");
            }
        }
        self->is_busy = 0;
    }
    PyBuffer_Release(&data);
    return sealed;
}

static int
open_frame(void *ctx, uint64_t counter, const unsigned char *sealed, unsigned char *plain)
{
    unsigned char nonce[NONCE_BYTES], tag[TAG_BYTES], rest[TAG_BYTES];
    int size;
    put_nonce(nonce, counter);
    memcpy(tag, sealed + FRAME_PLAIN, TAG_BYTES);
    return evp.decrypt_init(ctx, NULL, NULL, NULL, nonce) == 1 &&
           evp.ctx_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) == 1 &&
           evp.decrypt_update(ctx, plain, &size, sealed, FRAME_PLAIN) == 1 && size == FRAME_PLAIN &&
           evp.decrypt_final(ctx, rest, &size) == 1;
}

/* The result of opening: how many frames authenticated, the bytes of data in them, and the length of the last of them if
 * that is over FRAME_DATA, otherwise 0. */
typedef struct {
    size_t frames;
    size_t size;
    uint32_t length;
} Opened;

static Opened
open_all(void *ctx, uint64_t counter, const unsigned char *sealed, size_t frames, unsigned char *out)
{
    unsigned char plain[FRAME_PLAIN];
    Opened done = {0, 0, 0};
    while (done.frames < frames && open_frame(ctx, counter, sealed, plain)) {
        uint32_t length = 0;
        for (int i = 0; i < LENGTH_BYTES; i++) {
            length |= (uint32_t)plain[i] << (8 * i);
        }
        done.frames++;
        if (length > FRAME_DATA) {
            done.length = length;
            break;
        }
        memcpy(out + done.size, plain + LENGTH_BYTES, length);
        done.size += length;
        counter++;
        sealed += FRAME_SEALED;
    }
    evp.cleanse(plain, sizeof(plain));
    return done;
}

/* As open_all, of frames the first of which is in two pieces: its beginning, and the rest before the others. */
static Opened
open_behind(void *ctx, uint64_t counter, const Py_buffer *begun, const unsigned char *sealed, size_t frames,
            unsigned char *out)
{
    if (begun->len == 0 || frames == 0) {
        return open_all(ctx, counter, sealed, frames, out);
    }
    unsigned char first[FRAME_SEALED];
    size_t rest = FRAME_SEALED - (size_t)begun->len;
    memcpy(first, begun->buf, (size_t)begun->len);
    memcpy(first + begun->len, sealed, rest);
    Opened done = open_all(ctx, counter, first, 1, out);
    if (done.frames == 1 && done.length == 0) {
        Opened others = open_all(ctx, counter + 1, sealed + rest, frames - 1, out + done.size);
        done.frames += others.frames;
        done.size += others.size;
        done.length = others.length;
    }
    return done;
}

static PyObject *
frame_cipher_open(FrameCipher *self, PyObject *args)
{
    unsigned long long counter;
    Py_buffer sealed, begun = {.len = 0}, before = {.len = 0};
    if (!PyArg_ParseTuple(args, "Ky*|y*y*:open", &counter, &sealed, &begun, &before)) {
        return NULL;
    }
    PyObject *result = NULL;
    size_t frames = ((size_t)begun.len + (size_t)sealed.len) / FRAME_SEALED, start = (size_t)before.len;
    if (begun.len >= FRAME_SEALED) {
        PyErr_Format(PyExc_ValueError, "the beginning of a frame has %zd bytes", begun.len);
    } else if (frame_cipher_begin(self, 1)) {
        PyObject *data = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(start + frames * FRAME_DATA));
        if (data != NULL) {
            unsigned char *out = (unsigned char *)PyBytes_AS_STRING(data);
            Opened done;
            if (start > 0) {
                memcpy(out, before.buf, start);
                out += start;
            }
            if (frames > FRAMES_UNDER_LOCK) {
                Py_BEGIN_ALLOW_THREADS
                done = open_behind(self->ctx, counter, &begun, sealed.buf, frames, out);
                Py_END_ALLOW_THREADS
            } else {
                done = open_behind(self->ctx, counter, &begun, sealed.buf, frames, out);
            }
            if (done.frames < frames) {
                evp.clear_error();
            }
            if (_PyBytes_Resize(&data, (Py_ssize_t)(start + done.size)) == 0) {
                result = Py_BuildValue("NnI", data, (Py_ssize_t)done.frames, (unsigned int)done.length);
            }
        }
        self->is_busy = 0;
    }
    PyBuffer_Release(&sealed);
    if (begun.obj != NULL) {
        PyBuffer_Release(&begun);
    }
    if (before.obj != NULL) {
        PyBuffer_Release(&before);
    }
    return result;
}

static PyMethodDef frame_cipher_methods[] = {
    {"seal", (PyCFunction)frame_cipher_seal, METH_VARARGS, "seal(counter, data): the data as whole frames."},
    {"open", (PyCFunction)frame_cipher_open, METH_VARARGS,
     "open(counter, sealed, begun=b'', before=b''): (before and the data of the good frames, number of good frames, a "
     "length over 1024 or 0)."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot frame_cipher_slots[] = {
    {Py_tp_new, frame_cipher_new},
    {Py_tp_dealloc, frame_cipher_dealloc},
    {Py_tp_methods, frame_cipher_methods},
    {Py_tp_doc, "FrameCipher(key, opens): ChaCha20-Poly1305 over the frames of one direction."},
    {0, NULL},
};

static PyType_Spec frame_cipher_spec = {
    .name = "peerage.wire._accelerator.FrameCipher",
    .basicsize = sizeof(FrameCipher),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = frame_cipher_slots,
};

/* Reads a varint of one or two bytes; the caller has checked that one byte is there. Returns: where it ends; NULL if it
 * is longer or not complete. */
static const unsigned char *
get_short_varint(const unsigned char *at, const unsigned char *end, size_t *value)
{
    size_t low = *at++;
    if (low >= 0x80) {
        if (at == end || *at >= 0x80) {
            return NULL;
        }
        low = low - 0x80 + ((size_t)*at++ << 7);
    }
    *value = low;
    return at;
}

/* --- handshakes -------------------------------------------------------------------------------------------------- */

#define HASH_BYTES 32
#define SIGNATURE_BYTES 64
#define ID_BYTES 20
#define PAIR_BYTES 64      /* a node's seed and its public key, which libsodium takes for the secret key */
#define TRANSCRIPT_BYTES 96 /* lower key, upper key, shared secret */
#define MAX_FORM 1024

static const unsigned char KEYS_INFO[] = "TENDERMINT_SECRET_CONNECTION_KEY_AND_CHALLENGE_GEN";
#define INFO_BYTES (sizeof(KEYS_INFO) - 1)

/* Functions of libsodium that have been stable since 1.0.0, and OpenSSL's for the sponge, since 3.0. */
static struct {
    int (*multiply)(unsigned char *, const unsigned char *, const unsigned char *);
    int (*sign)(unsigned char *, unsigned long long *, const unsigned char *, unsigned long long, const unsigned char *);
    int (*verify)(const unsigned char *, const unsigned char *, unsigned long long, const unsigned char *);
    void (*random)(void *, size_t);
    int (*multiply_base)(unsigned char *, const unsigned char *);
    int (*hash)(unsigned char *, const unsigned char *, unsigned long long);
    int (*hmac)(unsigned char *, const unsigned char *, unsigned long long, const unsigned char *);
    void *(*digest_fetch)(void *, const char *, const char *);
    void (*digest_free)(void *);
    void *(*digest_ctx_new)(void);
    void (*digest_ctx_free)(void *);
    int (*digest_init)(void *, const void *, void *);
    int (*digest_update)(void *, const void *, size_t);
    int (*digest_final_xof)(void *, unsigned char *, size_t);
    const void *sponge;
} deal;

static unsigned char transcript_form[MAX_FORM];         /* all of the transcript but its messages */
static uint16_t transcript_places[TRANSCRIPT_BYTES];     /* where each byte of them goes */
static size_t transcript_size = 0;                       /* 0: not loaded */

static int
find_deal(void *sodium, void *openssl)
{
    return find(sodium, "crypto_scalarmult_curve25519", &deal.multiply) &&
           find(sodium, "crypto_sign_detached", &deal.sign) &&
           find(sodium, "crypto_sign_verify_detached", &deal.verify) &&
           find(sodium, "randombytes_buf", &deal.random) &&
           find(sodium, "crypto_scalarmult_curve25519_base", &deal.multiply_base) &&
           find(sodium, "crypto_hash_sha256", &deal.hash) && find(sodium, "crypto_auth_hmacsha256", &deal.hmac) && find(openssl, "EVP_MD_fetch", &deal.digest_fetch) &&
           find(openssl, "EVP_MD_free", &deal.digest_free) && find(openssl, "EVP_MD_CTX_new", &deal.digest_ctx_new) &&
           find(openssl, "EVP_MD_CTX_free", &deal.digest_ctx_free) &&
           find(openssl, "EVP_DigestInit_ex", &deal.digest_init) &&
           find(openssl, "EVP_DigestUpdate", &deal.digest_update) &&
           find(openssl, "EVP_DigestFinalXOF", &deal.digest_final_xof);
}

/* The transcript's challenge. Returns: whether OpenSSL did it. */
static int
derive_challenge(const unsigned char *messages, unsigned char *challenge)
{
    unsigned char filled[MAX_FORM];
    memcpy(filled, transcript_form, transcript_size);
    for (size_t i = 0; i < TRANSCRIPT_BYTES; i++) {
        filled[transcript_places[i]] = messages[i];
    }
    void *ctx = deal.digest_ctx_new();
    int ok = ctx != NULL && deal.digest_init(ctx, deal.sponge, NULL) == 1 &&
             deal.digest_update(ctx, filled, transcript_size) == 1 &&
             deal.digest_final_xof(ctx, challenge, HASH_BYTES) == 1;
    deal.digest_ctx_free(ctx); /* wipes what it holds */
    evp.cleanse(filled, sizeof(filled));
    return ok;
}

static PyObject *
load_agreement(PyObject *Py_UNUSED(module), PyObject *args)
{
    const char *sodium_path, *openssl_path;
    Py_buffer form, places;
    if (!PyArg_ParseTuple(args, "zzy*y*:load_agreement", &sodium_path, &openssl_path, &form, &places)) {
        return NULL;
    }
    int loaded = 0;
    if (form.len > MAX_FORM || form.len == 0 || places.len != sizeof(transcript_places)) {
        PyErr_SetString(PyExc_ValueError, "not the form of this transcript");
        goto done;
    }
    uint16_t where[TRANSCRIPT_BYTES];
    memcpy(where, places.buf, sizeof(where));
    for (size_t i = 0; i < TRANSCRIPT_BYTES; i++) {
        if (where[i] >= form.len) {
            PyErr_SetString(PyExc_ValueError, "not the form of this transcript");
            goto done;
        }
    }
    if (evp_is_loaded) {
        /* As in load_openssl. The handles are kept for the life of the process. */
        void *sodium = dlopen(sodium_path, RTLD_LAZY | RTLD_LOCAL);
        void *openssl = dlopen(openssl_path, RTLD_LAZY | RTLD_LOCAL);
        if (sodium != NULL && openssl != NULL && find_deal(sodium, openssl)) {
            deal.sponge = deal.digest_fetch(NULL, "KECCAK-KMAC-128", NULL);
            if (deal.sponge == NULL) {
                evp.clear_error();
            } else {
                memcpy(transcript_form, form.buf, (size_t)form.len);
                memcpy(transcript_places, where, sizeof(where));
                transcript_size = (size_t)form.len;
                loaded = 1;
            }
        }
        if (!loaded) {
            if (sodium != NULL) {
                dlclose(sodium);
            }
            if (openssl != NULL) {
                dlclose(openssl);
            }
        }
    }
done:
    PyBuffer_Release(&form);
    PyBuffer_Release(&places);
    return PyErr_Occurred() ? NULL : PyBool_FromLong(loaded);
}

/* The secrets of one connection, wiped when they have been used. */
typedef struct {
    unsigned char messages[TRANSCRIPT_BYTES]; /* the last third is the shared secret */
    unsigned char keys[2 * HASH_BYTES];
    unsigned char block[HASH_BYTES + INFO_BYTES + 1];
    unsigned char extracted[HASH_BYTES];
} Secrets;

/* RFC 5869 with SHA-256 and no salt, the first 64 bytes. */
static void
derive_both_keys(Secrets *all)
{
    static const unsigned char no_salt[HASH_BYTES];
    unsigned char *block = all->block, *dh = all->messages + 2 * HASH_BYTES;
    deal.hmac(all->extracted, dh, HASH_BYTES, no_salt);
    memcpy(block + HASH_BYTES, KEYS_INFO, INFO_BYTES);
    block[HASH_BYTES + INFO_BYTES] = 1;
    deal.hmac(all->keys, block + HASH_BYTES, INFO_BYTES + 1, all->extracted);
    memcpy(block, all->keys, HASH_BYTES);
    block[HASH_BYTES + INFO_BYTES] = 2;
    deal.hmac(all->keys + HASH_BYTES, block, sizeof(all->block), all->extracted);
}

/* How far a handshake has come, and what `receive` says. */
enum { KEYS, AUTHENTICATING, PROVED, DONE, OVER };
enum { WAITS, HAS_PROVED, IS_DONE, HAS_PROVED_AND_IS_DONE, IS_ODD };

static const unsigned char KEY_HEAD[] = {0x22, 0x0A, 0x20};
#define KEY_MESSAGE ((Py_ssize_t)sizeof(KEY_HEAD) + KEY_BYTES)
static const unsigned char PROOF_HEAD[] = {2 + 2 + KEY_BYTES + 2 + SIGNATURE_BYTES, 0x0A, 2 + KEY_BYTES, 0x0A, KEY_BYTES};
static const unsigned char PROOF_MIDDLE[] = {0x12, SIGNATURE_BYTES};
#define PROOF_BYTES (sizeof(PROOF_HEAD) + KEY_BYTES + sizeof(PROOF_MIDDLE) + SIGNATURE_BYTES)
#define BEGINNING 24

typedef struct {
    PyObject_HEAD
    int stage;
    int is_busy; /* a thread is in `receive`, having released the interpreter lock */
    Py_ssize_t taken;
    unsigned char secret[KEY_BYTES], public_key[KEY_BYTES], challenge[HASH_BYTES], remote_key[KEY_BYTES];
    unsigned char beginning[BEGINNING];
    PyObject *pair, *expected; /* our node key; the ID that was dialled, or NULL */
    PyObject *outgoing, *cipher_type, *sealer, *opener, *remote_id, *message, *leftover;
} Handshake;

static void
put_proof(unsigned char *frame, const unsigned char *public_key, const unsigned char *signature)
{
    memset(frame, 0, FRAME_PLAIN);
    frame[0] = PROOF_BYTES;
    frame += LENGTH_BYTES;
    memcpy(frame, PROOF_HEAD, sizeof(PROOF_HEAD));
    memcpy(frame + sizeof(PROOF_HEAD), public_key, KEY_BYTES);
    frame += sizeof(PROOF_HEAD) + KEY_BYTES;
    memcpy(frame, PROOF_MIDDLE, sizeof(PROOF_MIDDLE));
    memcpy(frame + sizeof(PROOF_MIDDLE), signature, SIGNATURE_BYTES);
}

/* Derives everything from the remote's key, and seals our proof. Returns: 1; 0 if the key is odd; -1 with an exception. */
static int
take_key(Handshake *self, const unsigned char *remote)
{
    if (memcmp(remote, self->public_key, KEY_BYTES) == 0) {
        return 0;
    }
    Secrets all;
    const unsigned char *pair = (const unsigned char *)PyBytes_AS_STRING(self->pair);
    unsigned char signature[SIGNATURE_BYTES];
    int local_is_lower = memcmp(self->public_key, remote, KEY_BYTES) < 0, is_low_order, ok = 0, result = -1;
    PyObject *sealer = NULL, *opener = NULL, *frame = NULL;
    Py_BEGIN_ALLOW_THREADS
    is_low_order = deal.multiply(all.messages + 2 * HASH_BYTES, self->secret, remote) != 0;
    if (!is_low_order) {
        memcpy(all.messages, local_is_lower ? self->public_key : remote, KEY_BYTES);
        memcpy(all.messages + KEY_BYTES, local_is_lower ? remote : self->public_key, KEY_BYTES);
        derive_both_keys(&all);
        ok = derive_challenge(all.messages, self->challenge) &&
             deal.sign(signature, NULL, self->challenge, HASH_BYTES, pair) == 0;
    }
    Py_END_ALLOW_THREADS
    if (is_low_order) {
        result = 0;
    } else if (ok) {
        const unsigned char *k1 = all.keys, *k2 = all.keys + HASH_BYTES;
        PyTypeObject *type = (PyTypeObject *)self->cipher_type;
        opener = new_cipher(type, local_is_lower ? k1 : k2, 1);
        sealer = opener == NULL ? NULL : new_cipher(type, local_is_lower ? k2 : k1, 0);
        frame = sealer == NULL ? NULL : PyBytes_FromStringAndSize(NULL, FRAME_SEALED);
        if (frame != NULL) {
            unsigned char *proof = (unsigned char *)PyBytes_AS_STRING(frame);
            put_proof(proof, pair + KEY_BYTES, signature);
            ok = seal_frame(((FrameCipher *)sealer)->ctx, 0, proof);
        }
        if (frame != NULL && ok) {
            if (self->outgoing == NULL) {
                self->outgoing = Py_NewRef(frame);
            } else {
                PyBytes_Concat(&self->outgoing, frame);
            }
            if (self->outgoing != NULL) {
                self->sealer = Py_NewRef(sealer);
                self->opener = Py_NewRef(opener);
                evp.cleanse(self->secret, sizeof(self->secret));
                self->stage = AUTHENTICATING;
                result = 1;
            }
        }
    }
    if (!ok && !is_low_order) {
        evp.clear_error();
        PyErr_SetString(PyExc_RuntimeError, "OpenSSL failed to agree on keys");
    }
    evp.cleanse(&all, sizeof(all));
    Py_XDECREF(sealer);
    Py_XDECREF(opener);
    Py_XDECREF(frame);
    return result;
}

/* Opens one frame. Returns: how many bytes of data it has; -1 if it is not genuine, or too long. */
static Py_ssize_t
open_one(Handshake *self, uint64_t counter, const unsigned char *sealed, unsigned char *plain)
{
    if (!open_frame(((FrameCipher *)self->opener)->ctx, counter, sealed, plain)) {
        evp.clear_error();
        return -1;
    }
    uint32_t length = 0;
    for (int i = 0; i < LENGTH_BYTES; i++) {
        length |= (uint32_t)plain[i] << (8 * i);
    }
    return length > FRAME_DATA ? -1 : (Py_ssize_t)length;
}

/* The remote's proof. Returns: 1; 0 if anything is odd; -1 with an exception. */
static int
take_proof(Handshake *self, const unsigned char *sealed)
{
    unsigned char plain[FRAME_PLAIN], hash[HASH_BYTES];
    const unsigned char *proof = plain + LENGTH_BYTES, *key = proof + sizeof(PROOF_HEAD), *middle = key + KEY_BYTES;
    if (open_one(self, 0, sealed, plain) != (Py_ssize_t)PROOF_BYTES ||
        memcmp(proof, PROOF_HEAD, sizeof(PROOF_HEAD)) != 0 || memcmp(middle, PROOF_MIDDLE, sizeof(PROOF_MIDDLE)) != 0) {
        return 0;
    }
    int ok;
    Py_BEGIN_ALLOW_THREADS
    ok = deal.verify(middle + sizeof(PROOF_MIDDLE), self->challenge, HASH_BYTES, key) == 0;
    Py_END_ALLOW_THREADS
    if (!ok) {
        return 0;
    }
    char id[2 * ID_BYTES];
    deal.hash(hash, key, KEY_BYTES);
    for (int i = 0; i < ID_BYTES; i++) {
        id[2 * i] = "0123456789abcdef"[hash[i] >> 4];
        id[2 * i + 1] = "0123456789abcdef"[hash[i] & 15];
    }
    PyObject *remote_id = PyUnicode_FromStringAndSize(id, sizeof(id));
    if (remote_id == NULL) {
        return -1;
    }
    int differs = self->expected == NULL ? 0 : PyUnicode_Compare(self->expected, remote_id);
    if (differs) {
        Py_DECREF(remote_id);
        return PyErr_Occurred() ? -1 : 0;
    }
    memcpy(self->remote_key, key, KEY_BYTES);
    Py_XSETREF(self->remote_id, remote_id);
    return 1;
}

/* A NodeInfo that is whole in one frame. Returns: 1; 0 if anything is odd; -1 with an exception. */
static int
take_node_info(Handshake *self, const unsigned char *sealed)
{
    unsigned char plain[FRAME_PLAIN];
    Py_ssize_t length = open_one(self, 1, sealed, plain);
    if (length < 1) {
        return 0;
    }
    size_t size;
    const unsigned char *data = plain + LENGTH_BYTES, *end = data + length, *begin = get_short_varint(data, end, &size);
    if (begin == NULL || size > (size_t)(end - begin)) {
        return 0;
    }
    self->message = PyBytes_FromStringAndSize((const char *)begin, (Py_ssize_t)size);
    self->leftover = PyBytes_FromStringAndSize((const char *)begin + size, end - begin - (Py_ssize_t)size);
    evp.cleanse(plain, sizeof(plain));
    return self->message == NULL || self->leftover == NULL ? -1 : 1;
}

/* Goes as far as the bytes lead in the form in which everybody writes them. Returns: what `receive` says; -1 with an
 * exception. A stage is either passed as a whole, with all that came with it, or left as it was. */
static int
go_on(Handshake *self, const unsigned char *data, Py_ssize_t len)
{
    int taken;
    if (self->stage == KEYS) {
        if (len < KEY_MESSAGE || memcmp(data, KEY_HEAD, sizeof(KEY_HEAD)) != 0) {
            return IS_ODD;
        }
        taken = take_key(self, data + sizeof(KEY_HEAD));
        if (taken < 1) {
            return taken ? -1 : IS_ODD;
        }
        memcpy(self->beginning, data, BEGINNING);
        self->taken = KEY_MESSAGE;
        data += KEY_MESSAGE;
        len -= KEY_MESSAGE;
        if (len == 0) {
            return WAITS;
        }
    }
    if (self->stage == AUTHENTICATING) {
        int has_more = len == 2 * FRAME_SEALED;
        if (len != FRAME_SEALED && !has_more) {
            return IS_ODD;
        }
        taken = take_proof(self, data);
        if (taken == 1 && has_more) {
            taken = take_node_info(self, data + FRAME_SEALED);
        }
        if (taken < 1) {
            return taken ? -1 : IS_ODD;
        }
        self->taken += len;
        self->stage = has_more ? DONE : PROVED;
        return has_more ? HAS_PROVED_AND_IS_DONE : HAS_PROVED;
    }
    if (self->stage == PROVED && len == FRAME_SEALED) {
        taken = take_node_info(self, data);
        if (taken < 1) {
            return taken ? -1 : IS_ODD;
        }
        self->taken += len;
        self->stage = DONE;
        return IS_DONE;
    }
    return IS_ODD;
}

static PyObject *
handshake_receive(Handshake *self, PyObject *argument)
{
    Py_buffer data;
    if (self->is_busy) {
        PyErr_SetString(PyExc_RuntimeError, "a Handshake is used by two threads at once");
        return NULL;
    }
    if (PyObject_GetBuffer(argument, &data, PyBUF_SIMPLE) != 0) {
        return NULL;
    }
    self->is_busy = 1;
    self->taken = 0;
    int found = go_on(self, data.buf, data.len);
    self->is_busy = 0;
    PyBuffer_Release(&data);
    return found < 0 ? NULL : PyLong_FromLong(found);
}

static PyObject *
handshake_data_to_send(Handshake *self, PyObject *Py_UNUSED(ignored))
{
    PyObject *outgoing = self->outgoing;
    self->outgoing = NULL;
    return outgoing != NULL ? outgoing : PyBytes_FromStringAndSize(NULL, 0);
}

static PyObject *
handshake_hand_over(Handshake *self, PyObject *Py_UNUSED(ignored))
{
    if (self->is_busy) {
        PyErr_SetString(PyExc_RuntimeError, "a Handshake is used by two threads at once");
        return NULL;
    }
    if (self->stage == OVER) {
        PyErr_SetString(PyExc_RuntimeError, "a Handshake was handed over before");
        return NULL;
    }
    int is_begun = self->stage != KEYS, is_proved = self->stage >= PROVED;
    PyObject *sealer = self->sealer ? self->sealer : Py_None, *opener = self->opener ? self->opener : Py_None;
    PyObject *state = Py_BuildValue(
        "iy#y#y#y#OOy#O", self->stage, self->secret, (Py_ssize_t)(is_begun ? 0 : KEY_BYTES), self->public_key,
        (Py_ssize_t)KEY_BYTES, self->beginning, (Py_ssize_t)(is_begun ? BEGINNING : 0), self->challenge,
        (Py_ssize_t)(is_begun ? HASH_BYTES : 0), sealer, opener, self->remote_key,
        (Py_ssize_t)(is_proved ? KEY_BYTES : 0), is_proved ? self->remote_id : Py_None);
    evp.cleanse(self->secret, sizeof(self->secret));
    self->stage = OVER; /* it receives nothing any more */
    return state;
}

static PyObject *
handshake_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"secret", "pair", "expected_id", "cipher", NULL};
    Py_buffer secret;
    PyObject *pair, *expected, *cipher;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "z*SOO!:Handshake", names, &secret, &pair, &expected, &PyType_Type,
                                     &cipher)) {
        return NULL;
    }
    Handshake *self = NULL;
    if (!transcript_size) {
        PyErr_SetString(PyExc_RuntimeError, "no key agreement is loaded");
    } else if ((secret.buf != NULL && secret.len != KEY_BYTES) || PyBytes_GET_SIZE(pair) != PAIR_BYTES) {
        PyErr_SetString(PyExc_ValueError, "a key of another length");
    } else if (expected != Py_None && !PyUnicode_Check(expected)) {
        PyErr_SetString(PyExc_TypeError, "an ID is a text");
    } else {
        self = (Handshake *)type->tp_alloc(type, 0);
    }
    if (self != NULL) {
        unsigned char greeting[sizeof(KEY_HEAD) + KEY_BYTES];
        self->pair = Py_NewRef(pair);
        self->expected = expected == Py_None ? NULL : Py_NewRef(expected);
        self->cipher_type = Py_NewRef(cipher);
        if (secret.buf == NULL) {
            deal.random(self->secret, KEY_BYTES); /* never an object of Python's */
        } else {
            memcpy(self->secret, secret.buf, KEY_BYTES);
        }
        deal.multiply_base(self->public_key, self->secret);
        memcpy(greeting, KEY_HEAD, sizeof(KEY_HEAD));
        memcpy(greeting + sizeof(KEY_HEAD), self->public_key, KEY_BYTES);
        self->outgoing = PyBytes_FromStringAndSize((const char *)greeting, sizeof(greeting));
        if (self->outgoing == NULL) {
            Py_CLEAR(self);
        }
    }
    if (secret.buf != NULL) {
        PyBuffer_Release(&secret);
    }
    return (PyObject *)self;
}

static void
handshake_dealloc(Handshake *self)
{
    PyTypeObject *type = Py_TYPE(self);
    evp.cleanse(self->secret, sizeof(self->secret));
    Py_XDECREF(self->pair);
    Py_XDECREF(self->expected);
    Py_XDECREF(self->outgoing);
    Py_XDECREF(self->cipher_type);
    Py_XDECREF(self->sealer);
    Py_XDECREF(self->opener);
    Py_XDECREF(self->remote_id);
    Py_XDECREF(self->message);
    Py_XDECREF(self->leftover);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static PyMethodDef handshake_methods[] = {
    {"receive", (PyCFunction)handshake_receive, METH_O, "receive(data): what has come of it, as a number; see `taken`."},
    {"data_to_send", (PyCFunction)handshake_data_to_send, METH_NOARGS, "data_to_send(): bytes to write now, once."},
    {"hand_over", (PyCFunction)handshake_hand_over, METH_NOARGS, "hand_over(): all that it knows, for plain Python; once."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef handshake_members[] = {
    {"taken", T_PYSSIZET, offsetof(Handshake, taken), READONLY, "how many bytes of the last call it has used"},
    {"sealer", T_OBJECT, offsetof(Handshake, sealer), READONLY, "the cipher that has sealed one frame"},
    {"remote_id", T_OBJECT, offsetof(Handshake, remote_id), READONLY, "the proved ID"},
    {"message", T_OBJECT, offsetof(Handshake, message), READONLY, "the remote's NodeInfo"},
    {"leftover", T_OBJECT, offsetof(Handshake, leftover), READONLY, "what came behind it, opened"},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot handshake_slots[] = {
    {Py_tp_new, handshake_new},
    {Py_tp_dealloc, handshake_dealloc},
    {Py_tp_methods, handshake_methods},
    {Py_tp_members, handshake_members},
    {Py_tp_doc, "Handshake(secret, pair, expected_id, cipher): as long as all is as everybody writes it."},
    {0, NULL},
};

static PyType_Spec handshake_spec = {
    .name = "peerage.wire._accelerator.Handshake",
    .basicsize = sizeof(Handshake),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = handshake_slots,
};

/* --- packets ----------------------------------------------------------------------------------------------------- */

static PyObject *
cut(PyObject *Py_UNUSED(module), PyObject *args)
{
    Py_buffer header, message;
    Py_ssize_t start, payload, count;
    if (!PyArg_ParseTuple(args, "y*y*nnn:cut", &header, &message, &start, &payload, &count)) {
        return NULL;
    }
    PyObject *packets = NULL;
    if (start < 0 || payload < 1 || count < 0 || start > message.len || count > (message.len - start) / payload) {
        PyErr_SetString(PyExc_ValueError, "packets beyond the end of the message");
    } else if (count > 0 && header.len > (PY_SSIZE_T_MAX / count) - payload) {
        PyErr_NoMemory();
    } else {
        packets = PyBytes_FromStringAndSize(NULL, count == 0 ? 0 : count * (header.len + payload));
    }
    if (packets != NULL) {
        char *out = PyBytes_AS_STRING(packets);
        const char *from = (const char *)message.buf + start;
        for (; count > 0; count--) {
            memcpy(out, header.buf, (size_t)header.len);
            memcpy(out + header.len, from, (size_t)payload);
            out += header.len + payload;
            from += payload;
        }
    }
    PyBuffer_Release(&header);
    PyBuffer_Release(&message);
    return packets;
}

/* The number of complete packets with this header and size that follow each other from pos on. */
static Py_ssize_t
run_length(const char *data, Py_ssize_t len, Py_ssize_t pos, const char *header, Py_ssize_t header_len, Py_ssize_t size)
{
    Py_ssize_t count = 0, stride = header_len + size;
    while (len - pos >= stride && memcmp(data + pos, header, (size_t)header_len) == 0) {
        count++;
        pos += stride;
    }
    return count;
}

static int
check_run(PyObject *data, Py_ssize_t pos, PyObject *header, Py_ssize_t size)
{
    if (pos < 0 || pos > PyBytes_GET_SIZE(data) || size < 0 || PyBytes_GET_SIZE(header) == 0 ||
        size > PY_SSIZE_T_MAX - PyBytes_GET_SIZE(header)) {
        PyErr_SetString(PyExc_ValueError, "a run outside of its data");
        return 0;
    }
    return 1;
}

static PyObject *
split_run(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *data, *header, *channel_id, *events;
    PyTypeObject *event_type;
    Py_ssize_t pos, size;
    if (!PyArg_ParseTuple(args, "SnSnO!OO!:split_run", &data, &pos, &header, &size, &PyType_Type, &event_type,
                          &channel_id, &PyList_Type, &events) ||
        !check_run(data, pos, header, size)) {
        return NULL;
    }
    if (!PyType_IsSubtype(event_type, &PyTuple_Type)) {
        PyErr_SetString(PyExc_TypeError, "an event is a tuple");
        return NULL;
    }
    const char *bytes = PyBytes_AS_STRING(data), *head = PyBytes_AS_STRING(header);
    Py_ssize_t head_len = PyBytes_GET_SIZE(header);
    Py_ssize_t count = run_length(bytes, PyBytes_GET_SIZE(data), pos, head, head_len, size);
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *message = PyBytes_FromStringAndSize(bytes + pos + head_len, size);
        PyObject *event = message == NULL ? NULL : event_type->tp_alloc(event_type, 2);
        if (event == NULL) {
            Py_XDECREF(message);
            return NULL;
        }
        PyTuple_SET_ITEM(event, 0, Py_NewRef(channel_id));
        PyTuple_SET_ITEM(event, 1, message);
        int failed = PyList_Append(events, event);
        Py_DECREF(event);
        if (failed) {
            return NULL;
        }
        pos += head_len + size;
    }
    return PyLong_FromSsize_t(pos);
}

/* --- messages ---------------------------------------------------------------------------------------------------- */

/* Whole messages of one channel are handed over back to back, with their sizes beside them: uint32_t in the machine's
 * byte order, since they only travel between processes of one machine. A packet with one of them:
 *
 *     length | 1a, length | middle: channel and eof | 1a, size | data
 */
#define KIND_TAG 0x1A
#define CHANNEL_TAG 0x08
#define EOF_TAG 0x10
#define SIZE_BYTES ((Py_ssize_t)sizeof(uint32_t))

static uint32_t
size_at(const char *sizes, Py_ssize_t index)
{
    uint32_t size;
    memcpy(&size, sizes + index * SIZE_BYTES, sizeof(size)); /* a slice of other bytes need not be aligned */
    return size;
}

static size_t
varint_size(size_t value)
{
    size_t count = 1;
    while (value >= 0x80) {
        value >>= 7;
        count++;
    }
    return count;
}

static char *
put_varint(char *out, size_t value)
{
    while (value >= 0x80) {
        *out++ = (char)(0x80 | (value & 0x7F));
        value >>= 7;
    }
    *out++ = (char)value;
    return out;
}

/* The packet at `at`, if it is complete and has the form above. Returns: where it ends, and its data; NULL otherwise. */
static const unsigned char *
whole_packet(const unsigned char *at, const unsigned char *end, const Py_buffer *middle, size_t limit, size_t capacity,
             const unsigned char **data)
{
    size_t length, inner, size;
    if (at == end || (at = get_short_varint(at, end, &length)) == NULL || length > limit || length < 2 ||
        length > (size_t)(end - at)) {
        return NULL;
    }
    const unsigned char *stop = at + length;
    if (*at != KIND_TAG || (at = get_short_varint(at + 1, stop, &inner)) == NULL || inner != (size_t)(stop - at) ||
        inner < (size_t)middle->len + 2 || memcmp(at, middle->buf, (size_t)middle->len) != 0) {
        return NULL;
    }
    at += middle->len;
    if (*at != KIND_TAG || (at = get_short_varint(at + 1, stop, &size)) == NULL || size != (size_t)(stop - at) ||
        size == 0 || size > capacity) {
        return NULL;
    }
    *data = at;
    return stop;
}

/* The packet at `at`, if it is complete and has the form in which real senders write parts of messages: as above, but the
 * channel is missing if it is 0, `10 01` is there for eof only, and with eof the data may be missing. Returns: where it ends;
 * NULL otherwise. */
static const unsigned char *
part_packet(const unsigned char *at, const unsigned char *end, size_t limit, unsigned char *channel, int *eof,
            const unsigned char **data)
{
    size_t length, inner, size;
    if (at == end || (at = get_short_varint(at, end, &length)) == NULL || length > limit || length < 2 ||
        length > (size_t)(end - at)) {
        return NULL;
    }
    const unsigned char *stop = at + length;
    if (*at != KIND_TAG || (at = get_short_varint(at + 1, stop, &inner)) == NULL || inner != (size_t)(stop - at)) {
        return NULL;
    }
    *channel = 0;
    if (stop - at >= 2 && *at == CHANNEL_TAG) {
        *channel = at[1];
        at += 2;
        if (*channel >= 0x80) { /* the second byte of the varint */
            if (at == stop || *at != 1) {
                return NULL;
            }
            at++;
        }
    }
    *eof = stop - at >= 2 && at[0] == EOF_TAG && at[1] == 1;
    if (*eof) {
        at += 2;
    }
    if (at == stop) {
        if (!*eof) {
            return NULL;
        }
    }
    else if (*at != KIND_TAG || stop - at < 2 || (at = get_short_varint(at + 1, stop, &size)) == NULL ||
             size != (size_t)(stop - at) || size == 0) {
        return NULL;
    }
    *data = at;
    return stop;
}

static PyObject *
read_header(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *data;
    Py_ssize_t pos, limit;
    if (!PyArg_ParseTuple(args, "Snn:read_header", &data, &pos, &limit)) {
        return NULL;
    }
    if (pos < 0 || pos > PyBytes_GET_SIZE(data) || limit < 0) {
        PyErr_SetString(PyExc_ValueError, "a header outside of its data");
        return NULL;
    }
    const unsigned char *begin = (const unsigned char *)PyBytes_AS_STRING(data), *end = begin + PyBytes_GET_SIZE(data);
    const unsigned char *part, *stop;
    unsigned char channel;
    int eof;
    if ((stop = part_packet(begin + pos, end, (size_t)limit, &channel, &eof, &part)) == NULL) {
        Py_RETURN_NONE;
    }
    return Py_BuildValue("iOnn", (int)channel, eof ? Py_True : Py_False, (Py_ssize_t)(part - begin),
                         (Py_ssize_t)(stop - begin));
}

#define CHANNELS 256
#define CRUMB_BYTES 64
#define SPECK_BYTES 8

typedef struct {
    Py_ssize_t size, packets, crumbs, specks;
    char *out;
} Parts;

/* A packet that has been read: most of those that follow it begin as it does. */
typedef struct {
    const unsigned char *header;
    size_t header_size, size;
    unsigned char channel;
    int eof;
} Packet;

/* As `part_packet`. Args: packet, the one before it, of which nothing is known if its header has no size; then this one. */
static inline const unsigned char *
next_packet(const unsigned char *at, const unsigned char *end, size_t limit, Packet *packet, const unsigned char **data)
{
    size_t header_size = packet->header_size;
    if (header_size && (size_t)(end - at) >= header_size + packet->size && memcmp(at, packet->header, header_size) == 0) {
        *data = at + header_size;
        return *data + packet->size;
    }
    const unsigned char *stop = part_packet(at, end, limit, &packet->channel, &packet->eof, data);
    if (stop != NULL) {
        packet->header = at;
        packet->header_size = (size_t)(*data - at);
        packet->size = (size_t)(stop - *data);
    }
    return stop;
}

static PyObject *
read_parts(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *data, *served;
    Py_ssize_t pos, limit, most;
    if (!PyArg_ParseTuple(args, "SnnSn:read_parts", &data, &pos, &limit, &served, &most)) {
        return NULL;
    }
    if (pos < 0 || pos > PyBytes_GET_SIZE(data) || limit < 0 || PyBytes_GET_SIZE(served) != CHANNELS) {
        PyErr_SetString(PyExc_ValueError, "parts outside of their data, or channels that are not 256");
        return NULL;
    }
    const unsigned char *begin = (const unsigned char *)PyBytes_AS_STRING(data), *end = begin + PyBytes_GET_SIZE(data);
    const unsigned char *at = begin + pos, *next, *part;
    const char *is_served = PyBytes_AS_STRING(served);
    Parts all[CHANNELS];               /* in order of appearance */
    uint16_t places[CHANNELS] = {0};   /* by channel: its place there, from 1 on */
    unsigned char order[CHANNELS];
    int channels = 0;
    Packet packet = {0};
    Py_ssize_t packets = 0;
    while (packets < most && (next = next_packet(at, end, (size_t)limit, &packet, &part)) != NULL && !packet.eof &&
           is_served[packet.channel]) {
        if (places[packet.channel] == 0) {
            order[channels] = packet.channel;
            all[channels++] = (Parts){0};
            places[packet.channel] = (uint16_t)channels;
        }
        Parts *mine = &all[places[packet.channel] - 1];
        mine->packets++;
        mine->size += next - part;
        mine->crumbs += next - part < CRUMB_BYTES;
        mine->specks += next - part < SPECK_BYTES;
        packets++;
        at = next;
    }
    PyObject *found = PyList_New(channels);
    if (found == NULL) {
        return NULL;
    }
    for (int index = 0; index < channels; index++) {
        Parts *mine = &all[index];
        PyObject *joined = PyBytes_FromStringAndSize(NULL, mine->size);
        if (joined == NULL) {
            Py_DECREF(found);
            return NULL;
        }
        mine->out = PyBytes_AS_STRING(joined);
        PyObject *entry = Py_BuildValue("iNnnn", (int)order[index], joined, mine->packets, mine->crumbs, mine->specks);
        if (entry == NULL) {
            Py_DECREF(found);
            return NULL;
        }
        PyList_SET_ITEM(found, index, entry);
    }
    at = begin + pos;
    packet.header_size = 0;
    for (; packets > 0; packets--) {
        at = next_packet(at, end, (size_t)limit, &packet, &part);
        Parts *mine = &all[places[packet.channel] - 1];
        memcpy(mine->out, part, (size_t)(at - part));
        mine->out += at - part;
    }
    return Py_BuildValue("Nn", found, (Py_ssize_t)(at - begin));
}

static PyObject *
read_messages(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *data, *joined = NULL, *sizes = NULL, *result = NULL;
    Py_buffer middle;
    Py_ssize_t pos, limit, capacity;
    if (!PyArg_ParseTuple(args, "Sny*nn:read_messages", &data, &pos, &middle, &limit, &capacity)) {
        return NULL;
    }
    if (pos < 0 || pos > PyBytes_GET_SIZE(data) || limit < 0 || capacity < 0) {
        PyErr_SetString(PyExc_ValueError, "messages outside of their data");
        goto done;
    }
    const unsigned char *begin = (const unsigned char *)PyBytes_AS_STRING(data), *end = begin + PyBytes_GET_SIZE(data);
    const unsigned char *at = begin + pos, *next, *message;
    Py_ssize_t count = 0, total = 0;
    while ((next = whole_packet(at, end, &middle, (size_t)limit, (size_t)capacity, &message)) != NULL) {
        count++;
        total += next - message;
        at = next;
    }
    joined = PyBytes_FromStringAndSize(NULL, total);
    sizes = PyBytes_FromStringAndSize(NULL, count * SIZE_BYTES);
    if (joined == NULL || sizes == NULL) {
        goto done;
    }
    char *out = PyBytes_AS_STRING(joined), *size_out = PyBytes_AS_STRING(sizes);
    at = begin + pos;
    for (; count > 0; count--) {
        at = whole_packet(at, end, &middle, (size_t)limit, (size_t)capacity, &message);
        uint32_t size = (uint32_t)(at - message);
        memcpy(out, message, size);
        memcpy(size_out, &size, sizeof(size));
        out += size;
        size_out += SIZE_BYTES;
    }
    result = Py_BuildValue("OOn", joined, sizes, (Py_ssize_t)(at - begin));
done:
    Py_XDECREF(joined);
    Py_XDECREF(sizes);
    PyBuffer_Release(&middle);
    return result;
}

/* The bytes that a packet with a message of this size has after its length. */
static size_t
packet_length(size_t size, size_t middle, size_t *inner)
{
    *inner = middle + (size ? 1 + varint_size(size) + size : 0);
    return 1 + varint_size(*inner) + *inner;
}

static PyObject *
cut_messages(PyObject *Py_UNUSED(module), PyObject *args)
{
    Py_buffer data, sizes, middle;
    Py_ssize_t at, first, last, least, room;
    int forced;
    if (!PyArg_ParseTuple(args, "y*ny*nny*nnp:cut_messages", &data, &at, &sizes, &first, &last, &middle, &least, &room,
                          &forced)) {
        return NULL;
    }
    PyObject *packets = NULL, *result = NULL;
    if (at < 0 || at > data.len || first < 0 || last < first || last > sizes.len / SIZE_BYTES) {
        PyErr_SetString(PyExc_ValueError, "messages outside of their data");
        goto done;
    }
    Py_ssize_t written = 0, next = first, until = at;
    while (next < last && written < least) {
        size_t size = size_at(sizes.buf, next), inner, length;
        if (size > (size_t)(data.len - until)) {
            PyErr_SetString(PyExc_ValueError, "messages outside of their data");
            goto done;
        }
        length = packet_length(size, (size_t)middle.len, &inner);
        Py_ssize_t total = (Py_ssize_t)(varint_size(length) + length);
        if ((room < written || total > room - written) && (written || !forced)) {
            break;
        }
        if (total > PY_SSIZE_T_MAX - written) {
            PyErr_NoMemory();
            goto done;
        }
        written += total;
        until += (Py_ssize_t)size;
        next++;
    }
    packets = PyBytes_FromStringAndSize(NULL, written);
    if (packets == NULL) {
        goto done;
    }
    char *out = PyBytes_AS_STRING(packets);
    const char *from = (const char *)data.buf + at;
    for (Py_ssize_t index = first; index < next; index++) {
        size_t size = size_at(sizes.buf, index), inner;
        out = put_varint(out, packet_length(size, (size_t)middle.len, &inner));
        *out++ = KIND_TAG;
        out = put_varint(out, inner);
        memcpy(out, middle.buf, (size_t)middle.len);
        out += middle.len;
        if (size) {
            *out++ = KIND_TAG;
            out = put_varint(out, size);
            memcpy(out, from, size);
            out += size;
            from += size;
        }
    }
    result = Py_BuildValue("Onn", packets, next, until);
done:
    Py_XDECREF(packets);
    PyBuffer_Release(&data);
    PyBuffer_Release(&sizes);
    PyBuffer_Release(&middle);
    return result;
}

static PyObject *
split_messages(PyObject *Py_UNUSED(module), PyObject *args)
{
    Py_buffer data, sizes;
    PyTypeObject *kind;
    PyObject *prefix, *messages = NULL;
    if (!PyArg_ParseTuple(args, "y*y*O!O!:split_messages", &data, &sizes, &PyType_Type, &kind, &PyTuple_Type, &prefix)) {
        return NULL;
    }
    Py_ssize_t count = sizes.len / SIZE_BYTES, before = PyTuple_GET_SIZE(prefix), at = 0;
    if (!PyType_IsSubtype(kind, &PyTuple_Type)) {
        PyErr_SetString(PyExc_TypeError, "an event is a tuple");
        goto done;
    }
    messages = PyList_New(count);
    for (Py_ssize_t i = 0; messages != NULL && i < count; i++) {
        Py_ssize_t size = (Py_ssize_t)size_at(sizes.buf, i);
        if (size > data.len - at) {
            PyErr_SetString(PyExc_ValueError, "messages outside of their data");
            Py_CLEAR(messages);
            break;
        }
        PyObject *message = PyBytes_FromStringAndSize((const char *)data.buf + at, size);
        PyObject *event = message == NULL ? NULL : kind->tp_alloc(kind, before + 1);
        if (event == NULL) {
            Py_XDECREF(message);
            Py_CLEAR(messages);
            break;
        }
        for (Py_ssize_t j = 0; j < before; j++) {
            PyTuple_SET_ITEM(event, j, Py_NewRef(PyTuple_GET_ITEM(prefix, j)));
        }
        PyTuple_SET_ITEM(event, before, message);
        PyList_SET_ITEM(messages, i, event);
        at += size;
    }
done:
    PyBuffer_Release(&data);
    PyBuffer_Release(&sizes);
    return messages;
}

/* --- module ------------------------------------------------------------------------------------------------------ */

static PyMethodDef module_methods[] = {
    {"load_openssl", load_openssl, METH_O,
     "load_openssl(path): the version of the OpenSSL that this library is or depends on; None if there is none."},
    {"load_agreement", load_agreement, METH_VARARGS,
     "load_agreement(sodium, openssl, form, places): whether the libraries at these paths have all that a Handshake needs."},
    {"cut", cut, METH_VARARGS, "cut(header, message, start, payload, count): `count` full packets of a message."},
    {"split_run", split_run, METH_VARARGS,
     "split_run(data, pos, header, size, event_type, channel_id, events): append an event for each packet from pos on "
     "that begins with this header; returns where the run ends."},
    {"read_header", read_header, METH_VARARGS,
     "read_header(data, pos, limit): (channel, eof, where its data begin, where they end) of the packet at pos; None if it "
     "has another form."},
    {"read_parts", read_parts, METH_VARARGS,
     "read_parts(data, pos, limit, served, most): (for each channel: its number, its joined parts, how many, how many of them "
     "crumbs, and specks; where the first other packet begins)."},
    {"read_messages", read_messages, METH_VARARGS,
     "read_messages(data, pos, middle, limit, capacity): (joined messages, their sizes, where the first other packet "
     "begins)."},
    {"cut_messages", cut_messages, METH_VARARGS,
     "cut_messages(data, at, sizes, first, last, middle, least, room, forced): (packets, index of the next message, where "
     "it begins)."},
    {"split_messages", split_messages, METH_VARARGS,
     "split_messages(data, sizes, kind, prefix): a list of `kind`, each the prefix and one message."},
    {NULL, NULL, 0, NULL},
};

static int
module_exec(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &frame_cipher_spec, NULL);
    if (type == NULL) {
        return -1;
    }
    int failed = PyModule_AddType(module, (PyTypeObject *)type);
    Py_DECREF(type);
    type = failed ? NULL : PyType_FromModuleAndSpec(module, &handshake_spec, NULL);
    if (type == NULL) {
        return -1;
    }
    failed = PyModule_AddType(module, (PyTypeObject *)type);
    Py_DECREF(type);
    return failed;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
    {0, NULL},
};

static struct PyModuleDef module_definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "peerage.wire._accelerator",
    .m_doc = "The loops of loops.py, compiled.",
    .m_size = 0,
    .m_methods = module_methods,
    .m_slots = module_slots,
};

PyMODINIT_FUNC
PyInit__accelerator(void)
{
    return PyModuleDef_Init(&module_definition);
}
