using System.Diagnostics;
using System.Threading.Channels;
using Bam.Generation.Batching;
using Bam.Server.Http;

namespace Bam.Server.Serving;

/// <summary>
/// The texts of one request while they are decoded. Disposing it ends those that are not finished; so do its time limit, and the
/// client if it leaves.
/// </summary>
internal sealed class TextJob : IDisposable
{
    private readonly Channel<TextPart> parts =
        Channel.CreateUnbounded<TextPart>(new() { SingleReader = true, AllowSynchronousContinuations = false });

    private readonly ServedModel served;
    private readonly ServerMetrics metrics;
    private readonly CancellationTokenSource ending;
    private readonly CancellationToken clientLeft;
    private readonly CancellationTokenRegistration whenEnding;
    private readonly long started = Stopwatch.GetTimestamp();
    private int unfinished;
    private int hasBegun;

    private TextJob(ServedModel served, ServerMetrics metrics, CancellationToken clientLeft)
    {
        (this.served, this.metrics, this.clientLeft) = (served, metrics, clientLeft);
        ending = CancellationTokenSource.CreateLinkedTokenSource(clientLeft);
        ending.CancelAfter(served.Options.Timeout);
        whenEnding = ending.Token.Register(() => parts.Writer.TryComplete(WhyEnded()));
    }

    /// <summary>Gives all texts to the decoding thread, or none.</summary>
    /// <exception cref="ApiException">The queue is full, or the server is stopping.</exception>
    public static TextJob Start(
        ServedModel served, IReadOnlyList<TextRequest> requests, ServerMetrics metrics, CancellationToken clientLeft)
    {
        var job = new TextJob(served, metrics, clientLeft);
        try
        {
            job.Submit(requests);
            return job;
        }
        catch (Exception e)
        {
            job.Dispose();
            if (e is QueueFullException) throw ApiException.Full();
            if (e is SchedulerStoppedException) throw ApiException.Stopping();
            throw;
        }
    }

    /// <summary>The parts of all texts as they come, until all are finished.</summary>
    /// <exception cref="ApiException">The time is over, the server stops, or the model failed.</exception>
    public IAsyncEnumerable<TextPart> Parts() => parts.Reader.ReadAllAsync(clientLeft);

    public void Dispose()
    {
        ending.Cancel();
        whenEnding.Dispose();
        ending.Dispose();
    }

    private void Submit(IReadOnlyList<TextRequest> requests)
    {
        unfinished = requests.Count;
        foreach (var request in requests)
        {
            var text = new ChoiceText(request, served.Tokenizer, part => parts.Writer.TryWrite(part));
            text.Begin();
            var end = served.Scheduler.Submit(new()
            {
                Prompt = request.Prompt,
                MaxNewTokens = request.MaxTokens,
                Sampler = request.Sampler,
                EndIds = request.EndIds,
                TopLogProbs = request.TopLogProbs,
                ScorePrompt = request.Echo is not null && request.TopLogProbs is not null,
                TraceRouting = request.TraceRouting,
                Cancellation = ending.Token,
                OnToken = token =>
                {
                    Count(token);
                    return text.Receive(token);
                },
            });
            _ = Finish(text, end);
        }
    }

    private void Count(DecodedToken token)
    {
        if (token.IsPrompt) return;
        metrics.CountToken();
        if (Interlocked.Exchange(ref hasBegun, 1) == 0) metrics.FirstToken(Stopwatch.GetElapsedTime(started));
    }

    private async Task Finish(ChoiceText text, Task<DecodingEnd> end)
    {
        try
        {
            var reason = await end;
            if (reason == DecodingEnd.Cancelled) throw WhyEnded();
            text.Finish(reason);
            if (Interlocked.Decrement(ref unfinished) == 0) parts.Writer.TryComplete();
        }
        catch (Exception e)
        {
            parts.Writer.TryComplete(e is ApiException or OperationCanceledException ? e : Failed(e));
        }
    }

    private ApiException Failed(Exception e)
    {
        served.Reporter.Warn($"a text failed: {e.Message}");
        return ApiException.Failed($"The model failed: {e.Message.Split('\n')[0]}");
    }

    private Exception WhyEnded() =>
        clientLeft.IsCancellationRequested ? new OperationCanceledException(clientLeft)
            : served.IsStopping ? ApiException.Stopping()
            : ApiException.TimedOut(served.Options.Timeout);
}
