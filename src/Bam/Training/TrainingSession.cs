using System.Globalization;
using Bam.Data;
using Bam.Models;
using Bam.Torch;
using Bam.Torch.Distributed;
using Bam.Torch.Functions;
using Bam.Training.Distributed;
using Bam.Training.Optimization;

namespace Bam.Training;

/// <summary>
/// A model in training: one call makes one optimizer step, together with the run's other processes. All calls come from one
/// thread.
/// </summary>
internal sealed class TrainingSession : IDisposable
{
    private readonly TrainingSettings settings;
    private readonly LearningRateSchedule schedule;
    private readonly TrainingData data;
    private readonly DataParallelism parallel;

    /// <summary>Prepares a model for training; the model and the data are disposed of with the session.</summary>
    /// <exception cref="InvalidInputException">A name pattern matches nothing, or the windows are too long.</exception>
    public TrainingSession(LanguageModel model, TrainingData data, TrainingSettings settings, ParallelLayout layout)
    {
        if (settings.SequenceLength > model.Config.LongestInput)
            throw new InvalidInputException(
                "key 'sequence_length'", $"at most the model's max_position_embeddings {model.Config.LongestInput}",
                $"{settings.SequenceLength}", "shorten the windows");
        (Model, this.data, this.settings, Layout) = (model, data, settings, layout);
        schedule = LearningRateSchedule.Of(settings);
        Trained = NamePatterns.Trained([.. ParameterLayout.FileOrder(model.Config).Select(p => p.Name)], settings);
        Optimizer = settings.ShardOptimizer
            ? AdamW.For(model, Trained, layout.Data.Size, layout.Data.Rank)
            : AdamW.For(model, Trained);
        parallel = new DataParallelism(layout, model, Optimizer, settings.LoadBalancingOver);
    }

    public LanguageModel Model { get; }

    public AdamW Optimizer { get; }

    /// <summary>The processes that make the steps together.</summary>
    public ParallelLayout Layout { get; }

    /// <summary>The checkpoint's names of the parameters that are trained.</summary>
    public IReadOnlySet<string> Trained { get; }

    /// <summary>Makes step s, counted from 0: forward and backward over its micro-batches, clipping, AdamW.</summary>
    /// <param name="step">s.</param>
    /// <param name="statistics">Receives where the routers sent the tokens of all processes.</param>
    /// <param name="stops">Whether this process was cancelled; the result tells all of them.</param>
    /// <exception cref="WorkFailedException">The loss or the gradient norm is not finite; nothing has changed.</exception>
    /// <exception cref="ProcessGroupException">Another process is gone.</exception>
    public StepResult Step(long step, RoutingStatistics? statistics = null, bool stops = false)
    {
        var batch = data.Sampler.Draw(step);
        var parts = settings.GradientAccumulation * Layout.Data.Size;
        var own = new Losses();
        for (var part = 0; part < settings.GradientAccumulation; part++)
        {
            using var scope = TensorScope.Open();
            if (part == settings.GradientAccumulation - 1) parallel.ExpectLastBackward();
            // So that part m of all processes together is part m of one process.
            var rows = MicroBatch.Of(batch, part + settings.GradientAccumulation * Layout.Data.Rank, parts);
            statistics?.BeginBatch(rows.Domains);
            var computed = Model.Loss(
                rows.Inputs(Model.Device), rows.Targets(Model.Device), statistics,
                rows.WeightAmong(parts));
            // Before Read, which waits for a GPU: it computes the gradients meanwhile.
            computed.Backward();
            own = own.MeanWith(computed.Read(), part + 1);
        }

        Model.Parameters.AssertGradientsInPlace();
        parallel.ReduceGradients();
        var (losses, isToStop) = parallel.Agree(own, stops);
        if (!double.IsFinite(losses.Loss))
            throw StepFailure.NotFinite(step, $"the loss is not finite ({losses})", batch, data.Names);
        // After the sum over the data-parallel processes, most of which went on during backward.
        Model.SumPartialGradients();
        statistics?.Combine(Layout.SumOverData);
        var norm = parallel.GradientNorm() / parts;
        if (!double.IsFinite(norm))
            throw StepFailure.NotFinite(step, $"the gradient norm is not finite ({losses})", batch, data.Names);
        var clipping = settings.ClipNorm is { } limit && norm > limit ? limit / norm : 1;
        var rate = schedule.RateAt(step);
        Optimizer.Update(settings.UpdateOf(step, rate, clipping / parts));
        parallel.GatherValues();
        return new(losses) { GradientNorm = norm, LearningRate = rate, Stops = isToStop };
    }

    public void Dispose()
    {
        Optimizer.Dispose();
        Model.Dispose();
        data.Dispose();
    }
}

/// <summary>What one optimizer step measured; the losses are means over its micro-batches.</summary>
internal sealed record StepResult : Losses
{
    public StepResult(Losses losses)
        : base(losses) { }

    /// <summary>The global norm before clipping.</summary>
    public required double GradientNorm { get; init; }

    /// <summary>The rate that was applied.</summary>
    public required double LearningRate { get; init; }

    /// <summary>Whether a process of the run was cancelled.</summary>
    public bool Stops { get; init; }
}

/// <summary>The one line for a step, or an evaluation after it, that is not finite.</summary>
internal static class StepFailure
{
    private const int WindowsShown = 16;
    private const string Hint = "a lower learning_rate or a longer warm-up may help";

    /// <summary>Names step s, counted from 0, what is not finite ("the loss is NaN (nll …)"), and the batch.</summary>
    public static WorkFailedException NotFinite(long step, string what, TokenBatch batch, IReadOnlyList<string> domains)
    {
        var windows = batch.Domains.Zip(batch.Starts)
            .Take(WindowsShown)
            .GroupBy(w => w.First, w => w.Second.ToString(CultureInfo.InvariantCulture))
            .Select(g => $"{domains[g.Key]} at tokens {string.Join(", ", g)}");
        var more = batch.BatchSize > WindowsShown ? $" and {batch.BatchSize - WindowsShown} windows more" : "";
        return new WorkFailedException(
            $"step {step + 1}: {what}; its batch of {batch.BatchSize} windows of {batch.WindowLength}: "
            + $"{string.Join("; ", windows)}{more}; "
            + $"this step changed nothing; {Hint}");
    }

    /// <summary>Names the steps done and the domain on which the model predicts nothing.</summary>
    public static WorkFailedException NotFinite(long step, string domain, double nll) => new(string.Create(
        CultureInfo.InvariantCulture, $"step {step}: the evaluation is not finite (domain '{domain}', nll {nll}); {Hint}"));
}

/// <summary>
/// A part of a step's windows. Part p of n takes rows p, p + n, p + 2n …: the sampler lists windows by domain, and each part
/// should hold all of them, for the load-balancing loss looks at one part at a time.
/// </summary>
internal sealed class MicroBatch
{
    private readonly TokenBatch batch;
    private readonly int[] rows;

    private MicroBatch(TokenBatch batch, int[] rows)
    {
        this.batch = batch;
        this.rows = rows;
        Domains = [.. rows.Select(r => batch.Domains[r])];
    }

    /// <summary>[B/n], each window's domain.</summary>
    public int[] Domains { get; }

    public static MicroBatch Of(TokenBatch batch, int part, int parts) =>
        new(batch, [.. Enumerable.Range(0, batch.BatchSize / parts).Select(r => part + r * parts)]);

    /// <summary>[B/n, T], int64.</summary>
    public Tensor Inputs(Device device) => Tokens(device, first: 0);

    /// <summary>
    /// [B/n, T], int64: the inputs, one token further; <see cref="LinearCrossEntropyFunction.IgnoreIndex"/> where they do not
    /// count.
    /// </summary>
    public Tensor Targets(Device device) => Tokens(device, first: 1);

    /// <summary>
    /// The weight of this part's mean among those of <paramref name="parts"/> parts, which gives the same weight to all targets
    /// of the step that count; 1 if all tokens count.
    /// </summary>
    public double WeightAmong(int parts)
    {
        if (batch.Counts is null) return 1;
        var all = Enumerable.Range(0, batch.BatchSize).Sum(CountedIn);
        return all == 0 ? 1 : (double)rows.Sum(CountedIn) * parts / all;
    }

    private int CountedIn(int row) =>
        batch.Counts.AsSpan(row * (batch.WindowLength + 1) + 1, batch.WindowLength).Count(true);

    private Tensor Tokens(Device device, int first)
    {
        var length = batch.WindowLength;
        var tokens = new long[rows.Length * length];
        for (var r = 0; r < rows.Length; r++)
        {
            var window = batch.Tokens.AsSpan(rows[r] * (length + 1) + first, length);
            for (var t = 0; t < length; t++) tokens[r * length + t] = window[t];
            if (first == 0 || batch.Counts is null) continue;
            var counts = batch.Counts.AsSpan(rows[r] * (length + 1) + first, length);
            for (var t = 0; t < length; t++)
                if (!counts[t]) tokens[r * length + t] = LinearCrossEntropyFunction.IgnoreIndex;
        }

        return Tensor.From<long>(tokens, [rows.Length, length], device);
    }
}
