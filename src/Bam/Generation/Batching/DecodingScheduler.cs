using Bam.Models;
using Bam.Torch;
using Bam.Torch.Kernels;

namespace Bam.Generation.Batching;

/// <summary>
/// Decodes many texts side by side on a thread of its own (continuous batching, Orca, OSDI 2022): a request joins the running
/// batch as soon as a slot is free, and leaves it with its last token. Each pass reads the next token of every text that is being
/// decoded, and a part of the prompts that are not read yet. What texts have in common at their beginning is read once
/// (<see cref="DecodingSlots"/>). A text's tokens do not depend on the others.
/// </summary>
internal sealed class DecodingScheduler : IDisposable
{
    private readonly LanguageModel model;
    private readonly DecodingSlots slots;
    private readonly SchedulerOptions options;
    private readonly ExpertUse expertUse;
    private readonly List<DecodingSequence> active = [];
    private readonly LinkedList<(DecodingRequest Request, TaskCompletionSource<DecodingEnd> End)> waiting = [];
    private readonly Lock changing = new();
    private readonly SemaphoreSlim work = new(0);
    private readonly Thread thread;
    private bool isStopping;

    /// <summary>Allocates the cache and starts the thread.</summary>
    public DecodingScheduler(LanguageModel model, SchedulerOptions options)
    {
        (this.model, this.options) = (model, options);
        slots = new(model, options.Slots, options.Context);
        expertUse = new ExpertUse(model.Config);
        thread = new Thread(Run) { Name = "decoding", IsBackground = true };
        thread.Start();
    }

    /// <summary>Counts of what happened since the start.</summary>
    public SchedulerCounts Counts { get; } = new();

    /// <summary>How the experts were used.</summary>
    public ExpertUse ExpertUse => expertUse;

    /// <summary>The texts that have a slot, and those that wait for one.</summary>
    public (int Running, int Waiting, int CachedTokens) Load
    {
        get
        {
            lock (changing) return (active.Count, waiting.Count, active.Sum(sequence => sequence.Read));
        }
    }

    /// <summary>Adds a request. The task ends with its text; it fails if the model does.</summary>
    /// <exception cref="InvalidInputException">An option of the sampler is out of range.</exception>
    /// <exception cref="QueueFullException">As many wait as may wait.</exception>
    /// <exception cref="SchedulerStoppedException">No more requests are taken.</exception>
    public Task<DecodingEnd> Submit(DecodingRequest request)
    {
        request.Sampler.Validate();
        var end = new TaskCompletionSource<DecodingEnd>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (changing)
        {
            if (isStopping) throw new SchedulerStoppedException();
            if (waiting.Count >= options.MaxWaiting) DropCancelled();
            if (waiting.Count >= options.MaxWaiting) throw new QueueFullException();
            waiting.AddLast((request, end));
        }

        work.Release();
        return end.Task;
    }

    /// <summary>Takes no more requests; those that run or wait may end within a time, then they are cancelled.</summary>
    public void Stop(TimeSpan patience)
    {
        lock (changing) isStopping = true;
        work.Release();
        if (thread.Join(patience)) return;
        lock (changing)
        {
            foreach (var sequence in active) sequence.Cancel();
            foreach (var (_, end) in waiting) end.TrySetResult(DecodingEnd.Cancelled);
            waiting.Clear();
        }

        thread.Join();
    }

    public void Dispose()
    {
        Stop(TimeSpan.Zero);
        slots.Dispose();
        work.Dispose();
    }

    private void Run()
    {
        while (true)
        {
            bool isIdle;
            lock (changing)
            {
                Admit();
                RemoveCancelled();
                isIdle = active.Count == 0;
                if (isIdle && isStopping && waiting.Count == 0) return;
            }

            if (isIdle) work.Wait();
            else Try(Step);
        }
    }

    private void Admit()
    {
        // One that waits for a beginning is passed over, as often as there are slots: others may fill the pass.
        var passedOver = 0;
        for (var node = waiting.First; node is not null && slots.Free > 0 && passedOver < options.Slots;)
        {
            var (next, (request, end)) = (node.Next, node.Value);
            if (slots.ShouldWait(request)) passedOver++;
            else
            {
                waiting.Remove(node);
                var sequence = new DecodingSequence(request, end, slots.Take(request), options.Context);
                active.Add(sequence);
                slots.Add(sequence);
            }

            node = next;
        }
    }

    // A client that left while its request waited makes room for another.
    private void DropCancelled()
    {
        for (var node = waiting.First; node is not null;)
        {
            var (next, (request, end)) = (node.Next, node.Value);
            if (request.Cancellation.IsCancellationRequested)
            {
                end.TrySetResult(DecodingEnd.Cancelled);
                waiting.Remove(node);
            }

            node = next;
        }
    }

    // The thread must go on: a failure outside of a text fails all that run.
    private void Try(Action step)
    {
        try
        {
            step();
        }
        catch (Exception exception)
        {
            foreach (var sequence in active.ToList()) Fail(sequence, exception);
        }
    }

    private void RemoveCancelled()
    {
        foreach (var sequence in active.Where(sequence => sequence.IsCancelled).ToList()) Remove(sequence, DecodingEnd.Cancelled);
    }

    private void Step()
    {
        var parts = Compose();
        using var scope = TensorScope.Open();
        float[] logits;
        var batch = BatchOf(parts);
        try
        {
            logits = model.NextLogits(batch, expertUse.Observers).ToArray<float>();
        }
        catch (Exception exception)
        {
            foreach (var (sequence, _) in parts) Fail(sequence, exception);
            return;
        }

        Counts.AddPass(batch.Ids.Length, parts.Count(part => part.Sequence.Unread == 1));
        Distribute(parts, batch, logits);
    }

    // The next token of each text that is decoded; then parts of prompts, the oldest first, as long as there is room in the pass.
    private List<(DecodingSequence Sequence, int Count)> Compose()
    {
        foreach (var sequence in active.Where(
            sequence => model.MustReadAgain(sequence.LengthWhenRead, sequence.Length)))
        {
            sequence.ReadAgain();
        }

        var frequencies = model.FrequenciesAt(active[0].Length);
        var fitting = active.Where(sequence => model.FrequenciesAt(sequence.Length) == frequencies).ToList();
        var (parts, room) = (new List<(DecodingSequence, int)>(), options.TokensOfPass);
        foreach (var sequence in fitting.OrderBy(sequence => sequence.Unread == 1 ? 0 : 1))
        {
            var count = Math.Min(room, sequence.Unread);
            if (count == 0) break;
            parts.Add((sequence, count));
            room -= count;
        }

        if (fitting.Count < active.Count) MoveToEnd(active[0]);  // texts with other frequencies have the next pass
        return parts;
    }

    private DecodingBatch BatchOf(List<(DecodingSequence Sequence, int Count)> parts)
    {
        int[] ids = [.. parts.SelectMany(part => part.Sequence.Next(part.Count))];
        int[] places = [.. parts.SelectMany(part => Enumerable.Repeat(part.Sequence.Slot, part.Count))];
        int[] positions = [.. parts.SelectMany(part => Enumerable.Range(part.Sequence.Read, part.Count))];
        bool[] areScored =
        [
            .. parts.SelectMany(
                part => Enumerable.Range(part.Sequence.Read, part.Count).Select(part.Sequence.WantsLogitsAfter)),
        ];
        int[] scored = [.. Enumerable.Range(0, ids.Length).Where(token => areScored[token])];
        return new(ids, new TokenPlaces(places, positions), slots.Cache, parts.Max(part => part.Sequence.Length), scored);
    }

    private void Distribute(List<(DecodingSequence Sequence, int Count)> parts, DecodingBatch batch, float[] logits)
    {
        var vocabulary = model.Config.VocabSize;
        var first = 0;
        foreach (var (sequence, count) in parts)
        {
            var offset = first - sequence.Read;  // from an index among the text's tokens to one among the pass's
            first += count;
            try
            {
                if (sequence.Take(count, LogitsAfter, index => expertUse.RouteOf(offset + index)) is { } reason)
                    Remove(sequence, reason);
            }
            catch (Exception exception)
            {
                Fail(sequence, exception);
            }

            ReadOnlyMemory<float> LogitsAfter(int index)
            {
                var row = Array.BinarySearch(batch.Scored, offset + index);
                return logits.AsMemory(row * vocabulary, vocabulary);
            }
        }
    }

    private void MoveToEnd(DecodingSequence sequence)
    {
        lock (changing)
        {
            active.Remove(sequence);
            active.Add(sequence);
        }
    }

    private void Remove(DecodingSequence sequence, DecodingEnd reason)
    {
        Free(sequence);
        sequence.Finish(reason);
    }

    // A failure is the text's own; the thread goes on.
    private void Fail(DecodingSequence sequence, Exception exception)
    {
        Free(sequence);
        sequence.Fail(exception);
    }

    private void Free(DecodingSequence sequence)
    {
        lock (changing)
        {
            active.Remove(sequence);
            slots.Return(sequence);
        }
    }
}

/// <summary>What a scheduler may use.</summary>
/// <param name="Slots">The texts that run side by side.</param>
/// <param name="Context">The most tokens of one text, prompt and new ones.</param>
/// <param name="MaxWaiting">The most requests that wait for a slot.</param>
internal sealed record SchedulerOptions(int Slots, int Context, int MaxWaiting)
{
    /// <summary>The most tokens of one pass.</summary>
    public int TokensOfPass { get; init; } = FewRowsKernel.MaxRows;
}

/// <summary>Counts since a scheduler's start; safe to read from any thread.</summary>
internal sealed class SchedulerCounts
{
    private long passes, tokens, decoded;

    /// <summary>Forward passes.</summary>
    public long Passes => Interlocked.Read(ref passes);

    /// <summary>Tokens read, of prompts and new ones.</summary>
    public long Tokens => Interlocked.Read(ref tokens);

    /// <summary>New tokens read, and prompts' last tokens.</summary>
    public long Decoded => Interlocked.Read(ref decoded);

    internal void AddPass(int tokensOfPass, int decodedOfPass)
    {
        Interlocked.Increment(ref passes);
        Interlocked.Add(ref tokens, tokensOfPass);
        Interlocked.Add(ref decoded, decodedOfPass);
    }
}

/// <summary>As many requests wait as may wait.</summary>
internal sealed class QueueFullException() : Exception("the queue is full");

/// <summary>The scheduler takes no more requests.</summary>
internal sealed class SchedulerStoppedException() : Exception("the server is stopping");
