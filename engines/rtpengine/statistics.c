/* The statistics in an rtpengine's reply, stream by stream: what statistics.py does, but by walking through all of the
 * reply once, whatever its form, and making nothing of what is not wanted.
 *
 * What it does not make sense of, or would have to remember too much of, it gives up: others read that (measured.py).
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
    LONGEST = 65536, /* as MAX_SIZE of bencode_parser.py */
    DEEPEST = 32,    /* as MAX_DEPTH there */
    LENGTH_DIGITS = 5,
    NUMBER_DIGITS = 18,
    PARTIES = 64,
    SOURCES = 64,
    STREAMS = 64, /* as MAX_STREAMS of engines/measured.py */
    TOLD = 8,     /* as MAX_SOURCES there */
    TAG = 1024    /* as MAX_NAME there */
};

#define NOTHING INT64_C(-1) /* in place of a count: it is not told, or is none */
#define NO_SSRC (INT64_C(1) << 32)

/* What is left of the reply. Once it was given up nothing is left, so that all who read it come to their end. */
typedef struct {
    const char *at, *end;
    bool is_given_up;
} Reader;

typedef struct {
    const char *at;
    Py_ssize_t size;
} Text;

/* What RTCP said of a source. */
typedef struct {
    int64_t ssrc, lost, jitter, round_trip, lowest, average, highest;
} Source;

typedef struct {
    int64_t packets, octets, errors;
} Counts;

typedef struct {
    bool is_rtp;
    int told;
    int64_t ssrcs[TOLD];
    Counts received, sent;
} Stream;

typedef struct {
    int64_t index;
    Text kind;
    bool has_rtp;
    Stream rtp;
} Medium;

typedef struct {
    Reader reader;
    PyObject *rows;
    int number_of_sources, number_of_parties;
    Source sources[SOURCES];
    Text parties[PARTIES];
} Reply;

/* -- bencode -- */

static void give_up(Reader *reader)
{
    reader->is_given_up = true;
    reader->at = reader->end;
}

static char next_byte(const Reader *reader)
{
    return reader->at < reader->end ? *reader->at : '\0';
}

static bool is_digit(char byte)
{
    return '0' <= byte && byte <= '9';
}

/* Read digits, and what ends them. */
static int64_t read_digits(Reader *reader, int most, char ending)
{
    const char *begin = reader->at;
    int64_t number = 0;
    while (is_digit(next_byte(reader)) && reader->at - begin < most)
        number = 10 * number + (*reader->at++ - '0');
    bool is_canonical = reader->at > begin && (*begin != '0' || reader->at == begin + 1);
    if (!is_canonical || next_byte(reader) != ending) {
        give_up(reader);
        return NOTHING;
    }
    reader->at++;
    return number;
}

static Text read_text(Reader *reader)
{
    Py_ssize_t size = (Py_ssize_t)read_digits(reader, LENGTH_DIGITS, ':');
    if (size > reader->end - reader->at)
        give_up(reader);
    Text text = {reader->at, reader->is_given_up ? 0 : size};
    reader->at += text.size;
    return text;
}

static int64_t read_number(Reader *reader)
{
    if (next_byte(reader) != 'i') {
        give_up(reader);
        return NOTHING;
    }
    reader->at++;
    bool is_negative = next_byte(reader) == '-';
    reader->at += is_negative;
    int64_t number = read_digits(reader, NUMBER_DIGITS, 'e');
    return is_negative ? -number : number;
}

/* Read a number of which only one that counts something is wanted. */
static int64_t read_count(Reader *reader)
{
    int64_t number = read_number(reader);
    return number < 0 ? NOTHING : number;
}

/* Whether a list or dictionary begins here, as it has to. */
static bool begins(Reader *reader, char mark)
{
    if (next_byte(reader) != mark) {
        give_up(reader);
        return false;
    }
    reader->at++;
    return true;
}

/* Whether another item comes; after the last one the end is read. */
static bool has_more(Reader *reader)
{
    if (next_byte(reader) != 'e')
        return !reader->is_given_up;
    reader->at++;
    return false;
}

static bool has_key(Reader *reader, Text *key)
{
    if (!has_more(reader))
        return false;
    *key = read_text(reader);
    return !reader->is_given_up;
}

static void skip_below(Reader *reader, int depth)
{
    char mark = next_byte(reader);
    if (mark == 'i') {
        read_number(reader);
    } else if (mark != 'l' && mark != 'd') {
        read_text(reader);
    } else if (depth == DEEPEST) {
        give_up(reader);
    } else {
        reader->at++;
        while (has_more(reader)) {
            if (mark == 'd')
                read_text(reader);
            skip_below(reader, depth + 1);
        }
    }
}

static void skip(Reader *reader)
{
    skip_below(reader, DEEPEST / 2); /* the values that are read are not so deep in others */
}

static bool is_same(Text one, Text other)
{
    return one.size == other.size && memcmp(one.at, other.at, (size_t)one.size) == 0;
}

#define TEXT(word) ((Text){word, sizeof(word) - 1})
#define is(text, word) is_same(text, TEXT(word))

/* A key that stands in a dictionary once more has another value there, which does not count. */
static void once(Reader *reader, unsigned *seen, unsigned which)
{
    if (*seen & which)
        give_up(reader);
    *seen |= which;
}

/* A count of a dictionary, and where it is to be. */
typedef struct {
    Text key;
    int64_t *into;
} Wanted;

/* Read a dictionary of which only counts are wanted. */
static void read_wanted(Reader *reader, const Wanted *wanted, int number)
{
    Text key;
    unsigned seen = 0;
    begins(reader, 'd');
    while (has_key(reader, &key)) {
        int which = 0;
        while (which < number && !is_same(key, wanted[which].key))
            which++;
        if (which < number) {
            once(reader, &seen, 1u << which);
            *wanted[which].into = read_count(reader);
        } else {
            skip(reader);
        }
    }
}

/* -- what RTCP said -- */

typedef struct {
    int64_t mos, jitter, round_trip;
} Score;

static Score read_score(Reader *reader)
{
    Score score = {NOTHING, NOTHING, NOTHING};
    const Wanted wanted[] = {
        {TEXT("MOS"), &score.mos}, {TEXT("jitter"), &score.jitter}, {TEXT("round-trip time"), &score.round_trip}};
    read_wanted(reader, wanted, 3);
    return score;
}

static Source read_source(Reader *reader)
{
    Source source = {NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING};
    Text key;
    unsigned seen = 0;
    begins(reader, 'd');
    while (has_key(reader, &key)) {
        if (is(key, "cumulative loss")) {
            once(reader, &seen, 1);
            source.lost = read_count(reader);
        } else if (is(key, "average MOS")) {
            once(reader, &seen, 2);
            Score score = read_score(reader);
            source.average = score.mos;
            source.jitter = score.jitter;
            source.round_trip = score.round_trip;
        } else if (is(key, "lowest MOS")) {
            once(reader, &seen, 4);
            source.lowest = read_score(reader).mos;
        } else if (is(key, "highest MOS")) {
            once(reader, &seen, 8);
            source.highest = read_score(reader).mos;
        } else {
            skip(reader);
        }
    }
    return source;
}

/* Return the number that a key is, NOTHING if it is none as rtpengine writes it. */
static int64_t number_of(Text key)
{
    int64_t number = 0;
    for (Py_ssize_t i = 0; i < key.size; i++) {
        if (!is_digit(key.at[i]))
            return NOTHING;
        number = 10 * number + (key.at[i] - '0');
    }
    bool is_canonical = key.size == 1 || (key.size > 1 && key.size <= NUMBER_DIGITS && key.at[0] != '0');
    return is_canonical ? number : NOTHING;
}

static void read_sources(Reply *reply)
{
    Reader *reader = &reply->reader;
    Text key;
    begins(reader, 'd');
    while (has_key(reader, &key)) {
        if (reply->number_of_sources == SOURCES || key.size > NUMBER_DIGITS) {
            give_up(reader);
            return;
        }
        Source source = read_source(reader);
        source.ssrc = number_of(key);
        reply->sources[reply->number_of_sources++] = source;
    }
}

/* Return what was said of a source, by the first entry of it; NULL for one that nothing is known of. */
static const Source *find_source(const Reply *reply, int64_t ssrc)
{
    for (int i = 0; i < reply->number_of_sources; i++)
        if (reply->sources[i].ssrc == ssrc)
            return &reply->sources[i];
    return NULL;
}

/* -- streams -- */

static bool read_is_rtp(Reader *reader)
{
    bool is_rtp = false;
    if (next_byte(reader) != 'l') {
        skip(reader);
        return true;
    }
    reader->at++;
    while (has_more(reader)) {
        if (is_digit(next_byte(reader))) {
            Text flag = read_text(reader);
            is_rtp = is_rtp || is(flag, "RTP");
        } else {
            skip(reader);
        }
    }
    return is_rtp;
}

static Counts read_counts(Reader *reader)
{
    Counts counts = {NOTHING, NOTHING, NOTHING};
    const Wanted wanted[] = {
        {TEXT("packets"), &counts.packets}, {TEXT("bytes"), &counts.octets}, {TEXT("errors"), &counts.errors}};
    read_wanted(reader, wanted, 3);
    return counts;
}

static int64_t read_listed_ssrc(Reader *reader)
{
    int64_t ssrc = NOTHING;
    const Wanted wanted[] = {{TEXT("SSRC"), &ssrc}};
    read_wanted(reader, wanted, 1);
    return ssrc;
}

/* Read the sources of what came, as the newest releases list them. */
static void read_listed(Reader *reader, Stream *stream)
{
    begins(reader, 'l');
    while (has_more(reader)) {
        int64_t ssrc = read_listed_ssrc(reader);
        if (stream->told < TOLD)
            stream->ssrcs[stream->told++] = ssrc;
    }
}

static Stream read_stream(Reader *reader)
{
    Stream stream = {true, 0, {0}, {NOTHING, NOTHING, NOTHING}, {NOTHING, NOTHING, NOTHING}};
    int64_t last = NOTHING;
    Text key;
    unsigned seen = 0;
    begins(reader, 'd');
    while (has_key(reader, &key)) {
        if (is(key, "flags")) {
            once(reader, &seen, 1);
            stream.is_rtp = read_is_rtp(reader);
        } else if (is(key, "SSRC")) {
            once(reader, &seen, 2);
            last = read_count(reader);
        } else if (is(key, "ingress SSRCs")) {
            once(reader, &seen, 4);
            read_listed(reader, &stream);
        } else if (is(key, "stats")) {
            once(reader, &seen, 8);
            stream.received = read_counts(reader);
        } else if (is(key, "stats_out")) {
            once(reader, &seen, 16);
            stream.sent = read_counts(reader);
        } else {
            skip(reader);
        }
    }
    if (stream.told == 0)
        stream.ssrcs[stream.told++] = last;
    return stream;
}

static Medium read_medium(Reader *reader)
{
    Medium medium = {.index = NOTHING, .kind = {"", 0}};
    Text key;
    unsigned seen = 0;
    begins(reader, 'd');
    while (has_key(reader, &key)) {
        if (is(key, "index")) {
            once(reader, &seen, 1);
            medium.index = read_count(reader);
        } else if (is(key, "type")) {
            once(reader, &seen, 2);
            medium.kind = read_text(reader);
        } else if (is(key, "streams")) {
            once(reader, &seen, 4);
            begins(reader, 'l');
            while (has_more(reader)) {
                Stream stream = read_stream(reader);
                if (stream.is_rtp && !medium.has_rtp) {
                    medium.has_rtp = true;
                    medium.rtp = stream;
                }
            }
        } else {
            skip(reader);
        }
    }
    return medium;
}

/* -- rows -- */

static PyObject *number_or_none(int64_t number)
{
    return number == NOTHING ? Py_NewRef(Py_None) : PyLong_FromLongLong(number);
}

static PyObject *mos_of(const Source *source)
{
    if (source == NULL || source->lowest == NOTHING || source->average == NOTHING || source->highest == NOTHING)
        return Py_NewRef(Py_None);
    return Py_BuildValue("(LLL)", (long long)source->lowest, (long long)source->average, (long long)source->highest);
}

/* Return the sources of a stream, a new tuple; and what was said of the first of them of whom anything was. */
static PyObject *ssrcs_of(const Reply *reply, const Stream *stream, const Source **heard)
{
    int64_t told[TOLD];
    int number = 0;
    for (int i = 0; i < stream->told; i++)
        if (0 <= stream->ssrcs[i] && stream->ssrcs[i] < NO_SSRC)
            told[number++] = stream->ssrcs[i];
    PyObject *ssrcs = PyTuple_New(number);
    for (int i = 0; ssrcs != NULL && i < number; i++) {
        PyObject *ssrc = PyLong_FromLongLong(told[i]);
        if (ssrc == NULL)
            Py_CLEAR(ssrcs);
        else
            PyTuple_SET_ITEM(ssrcs, i, ssrc);
        if (*heard == NULL)
            *heard = find_source(reply, told[i]);
    }
    return ssrcs;
}

static PyObject *row_of(const Reply *reply, Text tag, const Medium *medium)
{
    const Source *heard = NULL;
    PyObject *ssrcs = ssrcs_of(reply, &medium->rtp, &heard);
    if (ssrcs == NULL)
        return NULL;
    const Counts *received = &medium->rtp.received, *sent = &medium->rtp.sent;
    return Py_BuildValue("(y#LNNLy#LNNNNNN)", tag.at, tag.size, (long long)Py_MAX(received->packets, 0),
                         number_or_none(received->octets), ssrcs, (long long)Py_MAX(medium->index, 1), medium->kind.at,
                         medium->kind.size, (long long)Py_MAX(received->errors, 0), number_or_none(sent->packets),
                         number_or_none(sent->octets), number_or_none(heard != NULL ? heard->lost : NOTHING),
                         number_or_none(heard != NULL ? heard->jitter : NOTHING), mos_of(heard),
                         number_or_none(heard != NULL ? heard->round_trip : NOTHING));
}

static void add_row(Reply *reply, Text tag, const Medium *medium)
{
    PyObject *row = PyList_GET_SIZE(reply->rows) < STREAMS ? row_of(reply, tag, medium) : NULL;
    if (row == NULL || PyList_Append(reply->rows, row) < 0)
        give_up(&reply->reader);
    Py_XDECREF(row);
}

/* -- parties -- */

static void read_media(Reply *reply, Text tag)
{
    Reader *reader = &reply->reader;
    begins(reader, 'l');
    while (has_more(reader)) {
        Medium medium = read_medium(reader);
        if (medium.has_rtp && 0 < tag.size && tag.size <= TAG && !reader->is_given_up)
            add_row(reply, tag, &medium);
    }
}

/* Read a party, whose tag has to stand before its media. */
static void read_party(Reply *reply)
{
    Reader *reader = &reply->reader;
    Text key, tag = {"", 0};
    unsigned seen = 0;
    begins(reader, 'd');
    while (has_key(reader, &key)) {
        if (is(key, "tag")) {
            once(reader, &seen, 1);
            tag = read_text(reader);
        } else if (is(key, "medias")) {
            once(reader, &seen, 2);
            seen |= 1; /* a tag that comes now comes too late */
            read_media(reply, tag);
        } else {
            skip(reader);
        }
    }
}

static void read_parties(Reply *reply)
{
    Reader *reader = &reply->reader;
    Text name;
    begins(reader, 'd');
    while (has_key(reader, &name)) {
        bool is_known = reply->number_of_parties == PARTIES;
        for (int i = 0; i < reply->number_of_parties; i++)
            is_known = is_known || is_same(reply->parties[i], name);
        if (is_known) {
            give_up(reader);
            return;
        }
        reply->parties[reply->number_of_parties++] = name;
        read_party(reply);
    }
}

static void read_reply(Reply *reply)
{
    Reader *reader = &reply->reader;
    Text key;
    unsigned seen = 0;
    begins(reader, 'd');
    while (has_key(reader, &key)) {
        if (is(key, "SSRC")) {
            once(reader, &seen, 1);
            read_sources(reply);
        } else if (is(key, "tags")) {
            once(reader, &seen, 2);
            seen |= 1; /* sources that come now come too late */
            read_parties(reply);
        } else {
            skip(reader);
        }
    }
    if (reader->at < reader->end)
        give_up(reader);
}

PyDoc_STRVAR(rows_doc, "Return a row for each stream that a reply tells of, or None (see statistics.py).");

static PyObject *rows(PyObject *module, PyObject *whole)
{
    (void)module;
    if (!PyBytes_Check(whole)) {
        PyErr_SetString(PyExc_TypeError, "a reply is bytes");
        return NULL;
    }
    Reply reply;
    reply.reader = (Reader){PyBytes_AS_STRING(whole), PyBytes_AS_STRING(whole) + PyBytes_GET_SIZE(whole), false};
    reply.number_of_sources = reply.number_of_parties = 0;
    reply.rows = PyList_New(0);
    if (reply.rows == NULL)
        return NULL;
    if (PyBytes_GET_SIZE(whole) <= LONGEST)
        read_reply(&reply);
    if (PyBytes_GET_SIZE(whole) <= LONGEST && !reply.reader.is_given_up)
        return reply.rows;
    Py_DECREF(reply.rows);
    return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

/* -- the module -- */

static PyMethodDef functions[] = {
    {"rows", rows, METH_O, rows_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "statistics",
    .m_doc = "The statistics in an rtpengine's reply (see statistics.py).",
    .m_size = 0,
    .m_methods = functions,
};

PyMODINIT_FUNC PyInit_statistics(void)
{
    return PyModuleDef_Init(&module);
}
