using Bam.Torch;
using Bam.Torch.Distributed;

namespace Bam.Evaluation;

/// <summary>
/// The batches of an evaluation, divided over processes: each scores every D-th batch of all texts. All get the scores of all
/// batches and add them up in the same order, so that the sums have the same bits on every process.
/// </summary>
/// <param name="ranks">The D processes; they hold the same parameters and read the same texts.</param>
/// <param name="device">Where this process computes.</param>
internal sealed class DividedBatches(ProcessGroup ranks, Device device)
{
    private readonly List<double> scores = [];
    private readonly List<int> firstOfText = [];

    /// <summary>The batches that follow are those of the next text.</summary>
    public void BeginText() => firstOfText.Add(scores.Count);

    /// <summary>Scores the next batch if it is this process's; 0 for a batch of another process.</summary>
    public double Score(Func<double> score)
    {
        var own = scores.Count % ranks.Size == ranks.Rank ? score() : 0;
        scores.Add(own);
        return own;
    }

    /// <summary>Tells the other processes that this one was cancelled; they throw in <see cref="Complete"/>.</summary>
    /// <exception cref="ProcessGroupException">A rank is gone, or the time is over.</exception>
    public void Cancel() => AddUp([1]);

    /// <summary>The total of each text, when every process has scored its batches.</summary>
    /// <exception cref="OperationCanceledException">A process was cancelled.</exception>
    /// <exception cref="ProcessGroupException">A rank is gone, or the time is over.</exception>
    public double[] Complete()
    {
        if (AddUp([0])[0] > 0) throw new OperationCanceledException("a process of the evaluation was cancelled");
        // One process adds a number and the others zeros: these sums are exact.
        var all = scores.Count == 0 ? [] : AddUp([.. scores]);
        var totals = new double[firstOfText.Count];
        for (var text = 0; text < totals.Length; text++)
        {
            var end = text + 1 < totals.Length ? firstOfText[text + 1] : all.Length;
            for (var i = firstOfText[text]; i < end; i++) totals[text] += all[i];
        }

        return totals;
    }

    private double[] AddUp(double[] own)
    {
        using var scope = TensorScope.Open();
        var sums = Tensor.From<double>(own, device);
        ranks.AllReduce(sums);
        return sums.ToArray<double>();
    }
}
