/* SPDX-License-Identifier: MIT
 *
 * The hub's thread reads the store, a page at a time, and makes the text; the
 * threads that move bytes only copy it. A feed has a listener in the hub just
 * as long as its connection is suspended, so that it needs no lock: it belongs
 * to the one side or to the other. */
#include "server/jobs/feed.h"

#include "server/jobs/hub.h"
#include "server/jobs/job_store.h"
#include "server/out.h"
#include "server/service.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PAGE = 64, TEXT_MAX = 4 << 20 };

/* Seconds of silence after which a comment tells that the line is open. */
static const double HEARTBEAT = 15;
static const char OPENING[] = "retry: 2000\n\n", BEAT[] = ": idle\n\n";

struct feed {
    struct lipd_stream stream; /* first: one is the other */
    struct lipd_request *request;
    char job[LIPD_JOB_ID];
    uint64_t last;       /* sequence number of the event made last */
    unsigned long since; /* the hub's time before the store was read */
    double beat;         /* when silence has lasted long enough */
    double deadline;     /* that the hub was given */
    bool more;           /* the store has more than was read */
    bool unsure;         /* whether the job is over by now */
    char *page;
};

static struct lipd_hub *hub_of(const struct feed *feed)
{
    return feed->request->service->hub;
}

/* Data may not have line ends within a line; JSON has them between its tokens
 * only, where more lines of data mean the same. */
void lipd_feed_print(struct lipd_out *out, const struct lipd_job_event *event)
{
    const char *data = event->data ? event->data : "";
    lipd_out_print(out, "id: %" PRIu64 "\nevent: %s\n", event->sequence,
                   event->type);
    for (;;) {
        size_t length = strcspn(data, "\r\n");
        lipd_out_print(out, "data: %.*s\n", (int)length, data);
        data += length;
        data += strspn(data, "\r\n");
        if (!*data)
            break;
    }
    lipd_out_print(out, "\n");
}

static void take(struct feed *feed, struct lipd_out *out,
                 struct lipd_job_event *event)
{
    lipd_feed_print(out, event);
    feed->last = event->sequence;
    if (!strcmp(event->type, "state"))
        feed->unsure = true;
    lipd_job_event_clear(event);
}

/* Reads the next events into the page and the stream. */
static bool read_page(struct feed *feed)
{
    struct lipd_job_event event[PAGE];
    struct lipd_job_store *store = feed->request->service->jobs;
    struct lip_ctx ctx = {.budget = &feed->request->budget};
    struct api_problem problem;
    struct lipd_out out;
    size_t count = 0;
    feed->since = lipd_hub_time(hub_of(feed));
    if (!store->ops->events(store, event, &count, PAGE, feed->job, feed->last,
                            &problem))
        return false;
    feed->more = count == PAGE;
    if (!count)
        return true;
    lipd_out_init(&out, TEXT_MAX, &ctx);
    for (size_t i = 0; i < count; i++)
        take(feed, &out, &event[i]);
    feed->page = lipd_out_take(&out, &feed->stream.size);
    feed->stream.data = feed->page;
    return feed->page != NULL;
}

/* Looks whether the job is over and its last event made. */
static bool look_at_state(struct feed *feed)
{
    struct lipd_job_store *store = feed->request->service->jobs;
    struct api_problem problem;
    struct lipd_job job;
    if (feed->more || !(feed->unsure || !feed->page))
        return true;
    if (!store->ops->get(store, &job, feed->job, &problem)) {
        feed->stream.over = problem.code == API_PROBLEM_NOT_FOUND;
        return feed->stream.over;
    }
    feed->stream.over = lipd_job_over(job.state) && job.sequence <= feed->last;
    feed->unsure = false;
    lipd_job_clear(&job);
    return true;
}

static void fill(void *arg, bool news);

/* Gives the feed to the hub, or the connection its end. */
static void listen_on(struct feed *feed)
{
    feed->deadline = feed->more ? 0 : feed->beat;
    if (lipd_hub_listen(hub_of(feed), feed->job, feed->since, feed->deadline,
                        fill, feed))
        return;
    feed->stream.broken = true;
    feed->stream.resume(&feed->stream);
}

/* On the hub's thread: there may be more, or it is time to say something. Told
 * too early that the time is up, the daemon is about to end. */
static void fill(void *arg, bool news)
{
    struct feed *feed = arg;
    struct lipd_stream *stream = &feed->stream;
    double now = lip_now();
    stream->broken = atomic_load(&feed->request->abandoned) ||
                     !read_page(feed) || !look_at_state(feed);
    if (!news && now < feed->deadline)
        stream->over = true;
    if (!stream->size && now >= feed->beat) {
        stream->data = BEAT;
        stream->size = sizeof BEAT - 1;
    }
    if (!stream->size && !stream->over && !stream->broken) {
        listen_on(feed);
        return;
    }
    feed->beat = now + HEARTBEAT;
    stream->resume(stream);
}

/* On a thread that moves bytes: all that was made is out. */
static void wait_for_more(struct lipd_stream *stream)
{
    struct feed *feed = (struct feed *)stream;
    lip_free(feed->page);
    feed->page = NULL;
    listen_on(feed);
}

/* On the sweeper's. */
static void leave(struct lipd_stream *stream)
{
    struct feed *feed = (struct feed *)stream;
    lipd_hub_hurry(hub_of(feed), feed);
}

static void free_feed(struct lipd_stream *stream)
{
    struct feed *feed = (struct feed *)stream;
    atomic_fetch_sub(&feed->request->service->streams, 1);
    lip_free(feed->page);
    lip_free(feed);
}

void lipd_feed_open(struct lipd_request *request, const char *job,
                    uint64_t after)
{
    struct lipd_service *service = request->service;
    struct feed *feed = NULL;
    if (atomic_fetch_add(&service->streams, 1) < service->config->streams)
        feed = lip_calloc(request->ctx, 1, sizeof *feed);
    if (!feed) {
        atomic_fetch_sub(&service->streams, 1);
        lipd_reply_fail(request, API_PROBLEM_OVERLOADED,
                        "There is no room for another stream of events; %zu "
                        "may be open. Ask GET /jobs/%s?wait=30 instead.",
                        service->config->streams, job);
        return;
    }
    feed->stream = (struct lipd_stream){.data = OPENING,
                                        .size = sizeof OPENING - 1,
                                        .wait = wait_for_more,
                                        .leave = leave,
                                        .free = free_feed};
    feed->request = request;
    snprintf(feed->job, sizeof feed->job, "%s", job);
    feed->last = after;
    feed->beat = lip_now() + HEARTBEAT;
    feed->more = feed->unsure = true;
    lipd_reply_stream(request, "text/event-stream", &feed->stream);
}
