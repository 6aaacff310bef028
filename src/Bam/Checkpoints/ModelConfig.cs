using Bam.Checkpoints.Families;
using Bam.Files;

namespace Bam.Checkpoints;

/// <summary>The sizes and choices that define a model: <c>config.json</c> of a checkpoint, with Hugging Face's key names.</summary>
public sealed record ModelConfig
{
    /// <summary>The file name inside a checkpoint.</summary>
    public const string FileName = "config.json";

    /// <summary>V, the number of token ids.</summary>
    public required int VocabSize { get; init; }

    /// <summary>d, the width of the residual stream.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>f, the width inside a feed-forward expert; the fused gate and up projection is 2f wide.</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>L, the number of blocks.</summary>
    public required int NumHiddenLayers { get; init; }

    /// <summary>H, the query heads of one attention expert.</summary>
    public required int NumAttentionHeads { get; init; }

    /// <summary>G, the key-value heads of one attention expert; divides H.</summary>
    public required int NumKeyValueHeads { get; init; }

    /// <summary>The width of one head.</summary>
    public required int HeadDim { get; init; }

    /// <summary>The longest input, in tokens.</summary>
    public required int MaxPositionEmbeddings { get; init; }

    /// <summary>True: attention and feed-forward read the same norm and add to the same residual. False: one after the other.</summary>
    public bool ParallelBlock { get; init; } = true;

    /// <summary>True: the branches of a parallel block have a norm each (GPT-NeoX). Sequential blocks always have two.</summary>
    public bool SeparateNorms { get; init; }

    /// <summary>The norm's kind.</summary>
    internal NormType NormType { get; init; } = NormType.LayerNorm;

    /// <summary>Added to the variance inside the norm.</summary>
    public double NormEps { get; init; } = 1e-5;

    /// <summary>True: norms add a bias [d].</summary>
    public bool NormBias { get; init; }

    /// <summary>True: the feed-forward is down(act(gate) ∘ up); with "silu" a SwiGLU. False: down(act(up)).</summary>
    public bool GatedMlp { get; init; } = true;

    /// <summary>The feed-forward's activation.</summary>
    public string HiddenAct { get; init; } = "silu";

    /// <summary>True: the projections of the feed-forward add biases.</summary>
    public bool MlpBias { get; init; }

    /// <summary>True: the projections to queries, keys and values add biases.</summary>
    public bool AttentionBias { get; init; }

    /// <summary>True: attention's output projection adds a bias.</summary>
    public bool AttentionOutputBias { get; init; }

    /// <summary>Whether queries and keys are normed.</summary>
    internal QueryKeyNorm QueryKeyNorm { get; init; }

    /// <summary>W: a position looks at itself and the W - 1 before it; null for all before it.</summary>
    public int? SlidingWindow { get; init; }

    /// <summary>The base of the rotary frequencies.</summary>
    public double RopeTheta { get; init; } = 10_000;

    /// <summary>A change of the rotary frequencies, if any.</summary>
    internal RopeScaling? RopeScaling { get; init; }

    /// <summary>True: pairs are neighbours (Cohere, GPT-J). False: pairs are halves (Llama).</summary>
    public bool RopeInterleaved { get; init; }

    /// <summary>The part of each head that is rotated.</summary>
    public double PartialRotaryFactor { get; init; } = 1;

    /// <summary>Multiplies the logits.</summary>
    public double LogitScale { get; init; } = 1;

    /// <summary>True: the output head is the embedding matrix.</summary>
    public bool TieWordEmbeddings { get; init; } = true;

    /// <summary>True: the output head adds a bias [V].</summary>
    public bool LmHeadBias { get; init; }

    /// <summary>N; 1 is dense attention.</summary>
    public int NumAttentionExperts { get; init; } = 1;

    /// <summary>How attention experts are chosen.</summary>
    internal AttentionRouting AttentionRouting { get; init; } = AttentionRouting.Soft;

    /// <summary>k of top-k attention; null for soft routing.</summary>
    public int? NumAttentionExpertsPerTok { get; init; }

    /// <summary>True: one K and V for all attention experts.</summary>
    public bool ShareKeyValue { get; init; }

    /// <summary>M; 1 is a dense feed-forward.</summary>
    public int NumLocalExperts { get; init; } = 1;

    /// <summary>k, the feed-forward experts of one token.</summary>
    public int NumExpertsPerTok { get; init; } = 1;

    /// <summary>True: the k weights are divided by their sum (Mixtral).</summary>
    public bool NormTopkProb { get; init; }

    /// <summary>α, the weight of the load-balancing loss.</summary>
    public double RouterAuxLossCoef { get; init; } = 0.01;

    /// <summary>β, the weight of the router z-loss.</summary>
    public double RouterZLossCoef { get; init; } = 0.001;

    /// <summary>Begins a document.</summary>
    public int? BosTokenId { get; init; }

    /// <summary>Each ends a text: a document, or a turn of a chat. Most models have one.</summary>
    internal TokenIds EosTokenIds { get; init; } = [];

    /// <summary>Fills up batches in libraries that need equal lengths; Bam does not.</summary>
    public int? PadTokenId { get; init; }

    /// <summary>The dtype of the stored weights, "float32" or "bfloat16" …; informative.</summary>
    public string? TorchDtype { get; init; }

    /// <summary>The rotated width of a head, even.</summary>
    public int RotaryDim => (int)(HeadDim * PartialRotaryFactor + 1e-6);  // a factor may be a quotient, rounded

    /// <summary>True when a block has two norms.</summary>
    public bool HasSecondNorm => !ParallelBlock || SeparateNorms;

    /// <summary>True when there is any router.</summary>
    public bool IsMixture => NumAttentionExperts > 1 || NumLocalExperts > 1;

    /// <summary>
    /// Reads <c>config.json</c> of a checkpoint directory, and where it ties the head, whether the weights do: the same as
    /// <see cref="Checkpoint.Config"/>.
    /// </summary>
    /// <param name="directory">The checkpoint.</param>
    /// <param name="reporter">Warned of what is read otherwise than the user may expect.</param>
    /// <exception cref="InvalidInputException">It is missing, not JSON, or holds a value or an unknown key that Bam cannot honour.</exception>
    public static ModelConfig Load(string directory, IReporter reporter)
    {
        var (family, config) = ModelFamilies.Load(directory, reporter);
        return TiedHead.Resolve(family, config, directory, reporter);
    }

    /// <summary>Reads the text of a <c>config.json</c>, of Bam or of a family that it reads, and validates it.</summary>
    /// <param name="json">The text.</param>
    /// <param name="where">Its file, for messages.</param>
    /// <param name="reporter">Warned of what is read otherwise than the user may expect.</param>
    /// <exception cref="InvalidInputException">It is not JSON, or holds a value or an unknown key that Bam cannot honour.</exception>
    public static ModelConfig Parse(string json, string where, IReporter reporter) => ModelFamilies.Read(json, where, reporter).Config;

    /// <summary>Writes <c>config.json</c> into a checkpoint directory.</summary>
    /// <exception cref="WorkFailedException">The directory cannot be written.</exception>
    public void Save(string directory) => AtomicFile.WriteText(Path.Combine(directory, FileName), ToJson());

    /// <summary>The text of <c>config.json</c>; <see cref="Parse"/> gives back an equal record.</summary>
    public string ToJson() => ModelConfigJson.Write(this);

    /// <summary>Refuses sizes that no model can have.</summary>
    /// <param name="where">The file, for messages.</param>
    /// <exception cref="InvalidInputException">Names the first field at fault.</exception>
    public void Validate(string where) => ModelConfigRules.Check(this, where);
}
