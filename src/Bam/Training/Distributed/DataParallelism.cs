using Bam.Models;
using Bam.Torch;
using Bam.Torch.Distributed;
using Bam.Training.Optimization;

namespace Bam.Training.Distributed;

/// <summary>
/// What the processes of a run do together in a step: they sum gradients, agree on losses, norm and cancellation, and, with
/// sharded moments, send each other the updated values. Whatever several processes have is the same, bit for bit, on each.
/// </summary>
internal sealed class DataParallelism
{
    private readonly ParallelLayout layout;
    private readonly LanguageModel model;
    private readonly AdamW optimizer;
    private readonly IReadOnlyList<GradientBucket> buckets;
    private readonly List<PendingOperation> pending = [];

    /// <summary>For a model and its optimizer, whose shards, if any, are those of the layout's data-parallel processes.</summary>
    public DataParallelism(ParallelLayout layout, LanguageModel model, AdamW optimizer, LoadBalancingScope balance)
    {
        (this.layout, this.model, this.optimizer) = (layout, model, optimizer);
        buckets = layout.Data.Size == 1 ? [] : GradientBucket.Of(model, optimizer.Shards, layout.BucketSize);
        if (layout.Data.Size > 1 && balance == LoadBalancingScope.Batch) model.AverageShares = AverageShares;
    }

    /// <summary>
    /// Before the forward pass of a step's last micro-batch: its backward begins each reduction as soon as the gradients are
    /// complete.
    /// </summary>
    public void ExpectLastBackward()
    {
        // Measured on processors only.
        if (buckets.Count > 0 && model.Device.IsCpu) model.Progress = new(BeginReductions);
    }

    /// <summary>
    /// After backward: sums the gradients over the data-parallel processes; with sharded moments each gets the sums of its own
    /// shard only.
    /// </summary>
    /// <exception cref="ProcessGroupException">A rank is gone, or the time-out has passed.</exception>
    public void ReduceGradients()
    {
        model.Progress = null;
        BeginReductions(fromLayer: -1);
        foreach (var operation in pending) operation.Wait();
        pending.Clear();
    }

    /// <summary>The global norm of the reduced gradients; parameters that several processes have count once.</summary>
    /// <exception cref="ProcessGroupException">A rank is gone, or the time-out has passed.</exception>
    public double GradientNorm()
    {
        var own = optimizer.GradientSquares();
        var isSharded = optimizer.Shards.Count > 1;
        if (!isSharded && layout.Experts.Size == 1) return Math.Sqrt(own.Total);
        var (replicated, local) = (0.0, 0.0);
        var all = layout.Exchange(own.Replicated, own.Local);
        for (var rank = 0; rank < all.Length; rank++)
        {
            var (dataRank, expertRank) = (rank / layout.Experts.Size, rank % layout.Experts.Size);
            if (!isSharded && dataRank > 0) continue;
            if (expertRank == 0) replicated += all[rank][0];
            local += all[rank][1];
        }

        return Math.Sqrt(replicated + local);
    }

    /// <summary>After the update, with sharded moments: every process gets the values that the others have updated.</summary>
    /// <exception cref="ProcessGroupException">A rank is gone, or the time-out has passed.</exception>
    public void GatherValues()
    {
        if (optimizer.Shards.Count == 1) return;
        using var scope = TensorScope.Open();
        using var noGrad = NoGrad.Enter();
        PendingOperation.WaitAll(
            [.. buckets.Select(bucket => layout.Data.BroadcastAsync(Part(model.Parameters.Values, bucket), bucket.Shard))]);
    }

    /// <summary>The means of the processes' losses, and whether one of them is to stop.</summary>
    /// <exception cref="ProcessGroupException">A rank is gone, or the time-out has passed.</exception>
    public (Losses Losses, bool Stops) Agree(Losses own, bool stops)
    {
        if (layout.IsAlone) return (own, stops);
        var all = layout.Exchange(own.Loss, own.Nll, own.LoadBalancing, own.RouterZ, stops ? 1 : 0);
        var sum = layout.OfDataRanks(all).Aggregate(new Losses(), (sum, row) => sum + new Losses
        {
            Loss = row[0],
            Nll = row[1],
            LoadBalancing = row[2],
            RouterZ = row[3],
        });
        return (sum / layout.Data.Size, Array.Exists(all, row => row[4] != 0));
    }

    /// <summary>Makes F, counted over this process's tokens, that over the tokens of all: they have equally many.</summary>
    private void AverageShares(Tensor shares)
    {
        layout.Data.AllReduce(shares);
        shares.Mul_(1.0 / layout.Data.Size);
    }

    // The order is the same on every rank, whatever backward reports.
    private void BeginReductions(int fromLayer)
    {
        using var scope = TensorScope.Open();
        using var noGrad = NoGrad.Enter();
        while (pending.Count < buckets.Count && buckets[pending.Count].Layer >= fromLayer)
        {
            var bucket = buckets[pending.Count];
            var gradients = Part(model.Parameters.Gradients, bucket);
            pending.Add(
                optimizer.Shards.Count == 1
                    ? layout.Data.AllReduceAsync(gradients)
                    : layout.Data.ReduceAsync(gradients, bucket.Shard));
        }
    }

    private static Tensor Part(Tensor buffer, GradientBucket bucket) => buffer.Narrow(0, bucket.Offset, bucket.Count);
}

/// <summary>
/// A process of the run was cancelled, this one or another, and all have stopped after the same step. The checkpoint is written.
/// </summary>
internal sealed class AgreedCancellationException() : OperationCanceledException("a process of the run was cancelled");
