/* The loops of loops.py over frames and packets, compiled: an optional extension, see docs/decisions/0006.
 *
 * There is no cryptography of our own in here. ChaCha20-Poly1305 comes from the OpenSSL that Python itself has loaded. We
 * find it at run time, so that this file can be built without OpenSSL's headers and without linking to it.
 *
 * Every length is checked against the buffer that it refers to. Decrypted data leaves this file only after its tag has
 * been verified.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <dlfcn.h>
#include <stdint.h>
#include <string.h>

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

static PyObject *
frame_cipher_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"key", "opens", NULL};
    Py_buffer key;
    int opens;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "y*p:FrameCipher", names, &key, &opens)) {
        return NULL;
    }
    FrameCipher *self = NULL;
    if (!evp_is_loaded) {
        PyErr_SetString(PyExc_RuntimeError, "no OpenSSL is loaded");
    } else if (key.len != KEY_BYTES) {
        PyErr_Format(PyExc_ValueError, "a key has %d bytes, not %zd", KEY_BYTES, key.len);
    } else {
        self = (FrameCipher *)type->tp_alloc(type, 0);
    }
    if (self != NULL) {
        int ok = 0;
        self->opens = opens;
        self->ctx = evp.ctx_new();
        if (self->ctx != NULL) {
            ok = (opens ? evp.decrypt_init : evp.encrypt_init)(self->ctx, evp.chacha20_poly1305(), NULL, key.buf, NULL);
        }
        if (ok != 1) {
            evp.clear_error();
            PyErr_SetString(PyExc_RuntimeError, "OpenSSL refused the key");
            Py_CLEAR(self);
        }
    }
    PyBuffer_Release(&key);
    return (PyObject *)self;
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

static PyObject *
frame_cipher_open(FrameCipher *self, PyObject *args)
{
    unsigned long long counter;
    Py_buffer sealed;
    if (!PyArg_ParseTuple(args, "Ky*:open", &counter, &sealed)) {
        return NULL;
    }
    PyObject *result = NULL;
    if (frame_cipher_begin(self, 1)) {
        size_t frames = (size_t)sealed.len / FRAME_SEALED;
        PyObject *data = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(frames * FRAME_DATA));
        if (data != NULL) {
            unsigned char *out = (unsigned char *)PyBytes_AS_STRING(data);
            Opened done;
            if (frames > FRAMES_UNDER_LOCK) {
                Py_BEGIN_ALLOW_THREADS
                done = open_all(self->ctx, counter, sealed.buf, frames, out);
                Py_END_ALLOW_THREADS
            } else {
                done = open_all(self->ctx, counter, sealed.buf, frames, out);
            }
            if (done.frames < frames) {
                evp.clear_error();
            }
            if (_PyBytes_Resize(&data, (Py_ssize_t)done.size) == 0) {
                result = Py_BuildValue("NnI", data, (Py_ssize_t)done.frames, (unsigned int)done.length);
            }
        }
        self->is_busy = 0;
    }
    PyBuffer_Release(&sealed);
    return result;
}

static PyMethodDef frame_cipher_methods[] = {
    {"seal", (PyCFunction)frame_cipher_seal, METH_VARARGS, "seal(counter, data): the data as whole frames."},
    {"open", (PyCFunction)frame_cipher_open, METH_VARARGS,
     "open(counter, sealed): (data of the good frames, number of good frames, a length over 1024 or 0)."},
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
join_run(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *data, *header;
    Py_ssize_t pos, size;
    if (!PyArg_ParseTuple(args, "SnSn:join_run", &data, &pos, &header, &size) || !check_run(data, pos, header, size)) {
        return NULL;
    }
    const char *bytes = PyBytes_AS_STRING(data), *head = PyBytes_AS_STRING(header);
    Py_ssize_t head_len = PyBytes_GET_SIZE(header);
    Py_ssize_t count = run_length(bytes, PyBytes_GET_SIZE(data), pos, head, head_len, size);
    PyObject *joined = PyBytes_FromStringAndSize(NULL, count * size);
    if (joined == NULL) {
        return NULL;
    }
    char *out = PyBytes_AS_STRING(joined);
    const char *from = bytes + pos + head_len;
    for (Py_ssize_t i = 0; i < count; i++) {
        memcpy(out, from, (size_t)size);
        out += size;
        from += head_len + size;
    }
    return joined;
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
    {"cut", cut, METH_VARARGS, "cut(header, message, start, payload, count): `count` full packets of a message."},
    {"join_run", join_run, METH_VARARGS,
     "join_run(data, pos, header, size): the joined data of the packets from pos on that begin with this header."},
    {"split_run", split_run, METH_VARARGS,
     "split_run(data, pos, header, size, event_type, channel_id, events): append an event for each packet from pos on "
     "that begins with this header; returns where the run ends."},
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
