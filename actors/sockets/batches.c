/* Datagrams in batches: what batches.py does, but with one system call for several of them (recvmmsg(2), of Linux).
 *
 * All of it runs under the GIL, which is not released: no call here waits (MSG_DONTWAIT).
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h> /* first: it says which system calls the headers below are to name */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

enum {
    AT_ONCE = 8,    /* so many datagrams a call: more bring nothing more (docs/performance-record.md) */
    LENGTH = 65536, /* no datagram is longer, but for the jumbograms that nobody has */
    KNOWN = 256     /* so many remote addresses are remembered as Python has them */
};

/* Room for control messages, the same as in batches.py: which address was asked, and when. */
#define CONTROL (CMSG_SPACE(20) + CMSG_SPACE(16))

/* IPv4 or IPv6. The room of the longer one, whose rest is zero if it is the shorter one: so they are compared. */
typedef union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} Address;

typedef union {
    size_t aligned; /* as a control message begins */
    char bytes[CONTROL];
} Control;

/* One for all calls: what is in it is taken out before anything is done that can have Python code run, and with it
 * another call or another thread. Only pages that were once written to take memory. */
static char buffers[AT_ONCE][LENGTH];

/* A batch of datagrams on its way to Python. */
typedef struct {
    struct mmsghdr messages[AT_ONCE];
    struct iovec parts[AT_ONCE];
    Address addresses[AT_ONCE];
    Control controls[AT_ONCE];
    PyObject *datagrams[AT_ONCE];
} Batch;

/* An address, and what Python has for it: a host mostly sends more than one datagram. */
typedef struct {
    Address address;
    PyObject *name; /* NULL: nothing is here */
} Known;

typedef struct {
    Known known[KNOWN];
    PyObject *fileno; /* the name of the method */
} State;

/* Return the file descriptor of a socket, which is -1 when it is closed; -2 with an exception if it is no socket. */
static int descriptor_of(State *state, PyObject *sock)
{
    PyObject *number = PyObject_CallMethodNoArgs(sock, state->fileno);
    if (number == NULL)
        return -2;
    long descriptor = PyLong_AsLong(number);
    Py_DECREF(number);
    if (descriptor == -1 && PyErr_Occurred())
        return -2;
    if (descriptor < -1 || descriptor > INT_MAX) {
        PyErr_SetString(PyExc_ValueError, "fileno() is no file descriptor");
        return -2;
    }
    return (int)descriptor;
}

/* Return host and port as socket.recvmsg has them, a new reference. */
static PyObject *name_of(const Address *address)
{
    char host[INET6_ADDRSTRLEN];
    if (address->any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof host);
        return Py_BuildValue("(si)", host, (int)ntohs(address->v4.sin_port));
    }
    inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof host);
    return Py_BuildValue("(siII)", host, (int)ntohs(address->v6.sin6_port),
                         (unsigned int)ntohl(address->v6.sin6_flowinfo), (unsigned int)address->v6.sin6_scope_id);
}

static unsigned int place_of(const Address *address)
{
    uint32_t words[sizeof *address / sizeof(uint32_t)];
    uint32_t hash = 2166136261u; /* FNV-1a, by words */
    memcpy(words, address, sizeof words);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        hash = (hash ^ words[i]) * 16777619u;
    return (hash ^ hash >> 16) % KNOWN; /* its lower half does not know what differs in the upper halves of words */
}

/* Return the name of an address, a new reference. Those that were seen last are remembered. */
static PyObject *remembered(State *state, const Address *address)
{
    Known *known = &state->known[place_of(address)];
    if (known->name == NULL || memcmp(&known->address, address, sizeof *address) != 0) {
        PyObject *name = name_of(address);
        if (name == NULL)
            return NULL;
        known->address = *address;
        Py_XSETREF(known->name, name);
    }
    return Py_NewRef(known->name);
}

static PyObject *sender_of(State *state, struct msghdr *header, Address *address)
{
    if (header->msg_namelen == sizeof address->v4 && address->any.sa_family == AF_INET)
        memset((char *)address + sizeof address->v4, 0, sizeof *address - sizeof address->v4);
    else if (header->msg_namelen != sizeof address->v6 || address->any.sa_family != AF_INET6) {
        PyErr_SetString(PyExc_ValueError, "the socket is not one of IPv4 or IPv6");
        return NULL;
    }
    return remembered(state, address);
}

/* Return how many bytes of data a control message has that the kernel may have cut short. */
static Py_ssize_t length_of(const struct msghdr *header, const struct cmsghdr *message)
{
    const char *data = (const char *)CMSG_DATA(message);
    const char *end = (const char *)header->msg_control + header->msg_controllen;
    if (message->cmsg_len < CMSG_LEN(0) || data > end)
        return 0;
    size_t said = message->cmsg_len - CMSG_LEN(0), there = (size_t)(end - data);
    return (Py_ssize_t)(said < there ? said : there);
}

/* Return the control messages of a datagram: a new list of level, type and data each. */
static PyObject *controls_of(struct msghdr *header)
{
    PyObject *list = PyList_New(0);
    if (list == NULL)
        return NULL;
    for (struct cmsghdr *message = CMSG_FIRSTHDR(header); message != NULL; message = CMSG_NXTHDR(header, message)) {
        PyObject *item = Py_BuildValue("(iiy#)", message->cmsg_level, message->cmsg_type, (char *)CMSG_DATA(message),
                                       length_of(header, message));
        if (item == NULL || PyList_Append(list, item) < 0) {
            Py_XDECREF(item);
            Py_DECREF(list);
            return NULL;
        }
        Py_DECREF(item);
    }
    return list;
}

/* Take a datagram of a batch, with its control messages and its sender: a new tuple. */
static PyObject *taken(State *state, Batch *batch, int place)
{
    struct msghdr *header = &batch->messages[place].msg_hdr;
    PyObject *control = controls_of(header);
    PyObject *sender = control == NULL ? NULL : sender_of(state, header, &batch->addresses[place]);
    PyObject *all = sender == NULL ? NULL : PyTuple_New(3);
    if (all == NULL) {
        Py_XDECREF(control);
        Py_XDECREF(sender);
        return NULL;
    }
    PyTuple_SET_ITEM(all, 0, batch->datagrams[place]);
    PyTuple_SET_ITEM(all, 1, control);
    PyTuple_SET_ITEM(all, 2, sender);
    batch->datagrams[place] = NULL;
    return all;
}

/* Have the kernel fill a batch: return how many datagrams it has, -1 with errno set. */
static int fill(Batch *batch, int descriptor, int most)
{
    for (int i = 0; i < most; i++) {
        batch->parts[i] = (struct iovec){buffers[i], LENGTH};
        batch->messages[i].msg_len = 0;
        batch->messages[i].msg_hdr = (struct msghdr){
            .msg_name = &batch->addresses[i],
            .msg_namelen = sizeof batch->addresses[i],
            .msg_iov = &batch->parts[i],
            .msg_iovlen = 1,
            .msg_control = &batch->controls[i],
            .msg_controllen = CONTROL,
        };
    }
    int got = recvmmsg(descriptor, batch->messages, (unsigned int)most, MSG_DONTWAIT, NULL);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return 0;
    return got;
}

/* Return a batch as a new list. It is lost as a whole if there is no memory for it, as in a full receive buffer. */
static PyObject *listed(State *state, Batch *batch, int got)
{
    int there = 0, done = 0;
    while (there < got) { /* bytes are made without a run of the garbage collector, lists and tuples are not */
        batch->datagrams[there] = PyBytes_FromStringAndSize(buffers[there], (Py_ssize_t)batch->messages[there].msg_len);
        if (batch->datagrams[there] == NULL)
            break;
        there++;
    }
    PyObject *list = there < got ? NULL : PyList_New(got);
    while (list != NULL && done < got) {
        PyObject *item = taken(state, batch, done);
        if (item == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, done++, item);
    }
    while (done < there)
        Py_XDECREF(batch->datagrams[done++]);
    return list;
}

PyDoc_STRVAR(receive_doc, "Return some of the datagrams that wait (see batches.py).");

static PyObject *receive(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    State *state = PyModule_GetState(module);
    Batch batch;
    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "receive() takes a socket and a number");
        return NULL;
    }
    long most = PyLong_AsLong(arguments[1]);
    if (most == -1 && PyErr_Occurred())
        return NULL;
    if (most < 1) {
        PyErr_SetString(PyExc_ValueError, "there is nothing to receive");
        return NULL;
    }
    int descriptor = descriptor_of(state, arguments[0]);
    if (descriptor == -2)
        return NULL;
    int got = fill(&batch, descriptor, most < AT_ONCE ? (int)most : AT_ONCE);
    return got < 0 ? PyErr_SetFromErrno(PyExc_OSError) : listed(state, &batch, got);
}

/* -- the module -- */

static int begin(PyObject *module)
{
    State *state = PyModule_GetState(module);
    state->fileno = PyUnicode_InternFromString("fileno");
    if (state->fileno == NULL)
        return -1;
    return PyModule_AddIntConstant(module, "AT_ONCE", AT_ONCE);
}

static int traverse(PyObject *module, visitproc visit, void *arg)
{
    State *state = PyModule_GetState(module);
    for (int i = 0; state != NULL && i < KNOWN; i++)
        Py_VISIT(state->known[i].name);
    return 0;
}

static int clear(PyObject *module)
{
    State *state = PyModule_GetState(module);
    for (int i = 0; state != NULL && i < KNOWN; i++)
        Py_CLEAR(state->known[i].name);
    return 0;
}

static void end(void *module)
{
    State *state = PyModule_GetState(module);
    clear(module);
    if (state != NULL)
        Py_CLEAR(state->fileno);
}

static PyMethodDef functions[] = {
    {"receive", (PyCFunction)(void (*)(void))receive, METH_FASTCALL, receive_doc},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, begin},
    {0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "batches",
    .m_doc = "Datagrams in batches (see batches.py).",
    .m_size = sizeof(State),
    .m_methods = functions,
    .m_slots = slots,
    .m_traverse = traverse,
    .m_clear = clear,
    .m_free = end,
};

PyMODINIT_FUNC PyInit_batches(void)
{
    return PyModuleDef_Init(&module);
}
