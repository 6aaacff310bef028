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

    /// <summary>The norm's kind.</summary>
    public NormType NormType { get; init; } = NormType.LayerNorm;

    /// <summary>Added to the variance inside the norm.</summary>
    public double NormEps { get; init; } = 1e-5;

    /// <summary>The gate's activation; "silu" makes the feed-forward a SwiGLU.</summary>
    public string HiddenAct { get; init; } = "silu";

    /// <summary>The base of the rotary frequencies.</summary>
    public double RopeTheta { get; init; } = 10_000;

    /// <summary>True: pairs are neighbours (Cohere, GPT-J). False: pairs are halves (Llama).</summary>
    public bool RopeInterleaved { get; init; }

    /// <summary>The part of each head that is rotated.</summary>
    public double PartialRotaryFactor { get; init; } = 1;

    /// <summary>Multiplies the logits.</summary>
    public double LogitScale { get; init; } = 1;

    /// <summary>True: the output head is the embedding matrix.</summary>
    public bool TieWordEmbeddings { get; init; } = true;

    /// <summary>N; 1 is dense attention.</summary>
    public int NumAttentionExperts { get; init; } = 1;

    /// <summary>How attention experts are chosen.</summary>
    public AttentionRouting AttentionRouting { get; init; } = AttentionRouting.Soft;

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

    /// <summary>Ends a document.</summary>
    public int? EosTokenId { get; init; }

    /// <summary>The dtype of the stored weights, "float32" or "bfloat16" …; informative.</summary>
    public string? TorchDtype { get; init; }

    /// <summary>The rotated width of a head, even.</summary>
    public int RotaryDim => (int)(HeadDim * PartialRotaryFactor);

    /// <summary>True when there is any router.</summary>
    public bool IsMixture => NumAttentionExperts > 1 || NumLocalExperts > 1;

    /// <summary>Reads <c>config.json</c> of a checkpoint directory.</summary>
    /// <exception cref="InvalidInputException">It is missing, not JSON, or holds a value or an unknown key that Bam cannot honour.</exception>
    public static ModelConfig Load(string directory)
    {
        var path = Path.Combine(directory, FileName);
        return Parse(InputFile.ReadAllText(path, "a checkpoint is a directory with config.json, model.safetensors and tokenizer.json"), path);
    }

    /// <summary>Reads the text of a <c>config.json</c> and validates it.</summary>
    /// <param name="json">The text.</param>
    /// <param name="where">Its file, for messages.</param>
    /// <exception cref="InvalidInputException">It is not JSON, or holds a value or an unknown key that Bam cannot honour.</exception>
    public static ModelConfig Parse(string json, string where) => ModelConfigJson.Read(json, where);

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
