using Bam.Checkpoints;
using Bam.Torch;
using Bam.Torch.Functions;

namespace Bam.Models;

/// <summary>The output head: scores of the next token, and their loss.</summary>
/// <param name="Weight">[V, d]; the embeddings where the model ties them.</param>
/// <param name="Bias">[V]; null for none.</param>
/// <param name="Config">The scale and the cap of the scores.</param>
/// <param name="Ranks">Those that compute the loss together.</param>
internal sealed record OutputHead(Parameter Weight, Parameter? Bias, ModelConfig Config, ExpertParallelism Ranks)
{
    public static OutputHead Of(ModelConfig config, ParameterArena arena, ExpertParallelism ranks) => new(
        Parameter.Of(arena, config.TieWordEmbeddings ? ParameterTable.Embedding : ParameterTable.Head),
        config.LmHeadBias ? Parameter.Of(arena, ParameterTable.HeadBias) : null, config, ranks);

    /// <summary>[.., d] to [.., V], in float32.</summary>
    public Tensor Scores(Tensor x)
    {
        using var scope = TensorScope.Open();
        var scores = LinearFunction.Apply(x, Weight).To(ScalarType.Float32);
        if (Bias is not null) scores += Bias.Leaf;
        scores *= Config.LogitScale;
        return scope.Keep(Config.FinalLogitSoftcapping is { } cap ? (scores * (1 / cap)).Tanh() * cap : scores);
    }

    /// <summary>
    /// The mean negative log-likelihood over the targets that count. Ranks that share the experts compute it for a part of the
    /// tokens each: the head is the largest product that all of them would otherwise repeat.
    /// </summary>
    /// <param name="x">[n, d].</param>
    /// <param name="targets">[n], int64.</param>
    public Tensor Nll(Tensor x, Tensor targets)
    {
        using var scope = TensorScope.Open();
        if (Ranks.Size == 1) return scope.Keep(MeanNll(x, targets));
        var (first, count) = Ranks.TokensOf(targets.Count);
        var own = targets.Narrow(0, first, count);
        var share = Counted(own).To(ScalarType.Float32) / Counted(targets);
        return scope.Keep(Ranks.Sum(MeanNll(Ranks.Distribute(x).Narrow(0, first, count), own) * share));

        static Tensor Counted(Tensor targets) => targets.Ne(LinearCrossEntropyFunction.IgnoreIndex).Sum().ClampMin(1);
    }

    private Tensor MeanNll(Tensor x, Tensor targets) =>
        LinearCrossEntropyFunction.Apply(x, Weight, targets, Config.LogitScale, Bias, Config.FinalLogitSoftcapping);
}
