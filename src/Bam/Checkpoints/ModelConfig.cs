using Bam.Configuration;
using Bam.Files;

namespace Bam.Checkpoints;

/// <summary>The sizes and choices that define a model: <c>config.json</c>, with Hugging Face's key names.</summary>
/// <remarks>Each property with <see cref="KeyAttribute"/> declares one key, in the order in which the file has them.</remarks>
public sealed record ModelConfig
{
    internal const string FileName = "config.json";

    /// <summary>V, the number of token ids.</summary>
    [Key(Minimum = 1)]
    public required int VocabSize { get; init; }

    /// <summary>d, the width of the residual stream.</summary>
    [Key(Minimum = 1)]
    public required int HiddenSize { get; init; }

    /// <summary>f, the width inside a feed-forward expert; the fused gate and up projection is 2f wide.</summary>
    [Key(Minimum = 1)]
    public required int IntermediateSize { get; init; }

    /// <summary>L, the number of blocks.</summary>
    [Key(Minimum = 1)]
    public required int NumHiddenLayers { get; init; }

    /// <summary>H, the query heads of one attention expert.</summary>
    [Key(Minimum = 1)]
    public required int NumAttentionHeads { get; init; }

    /// <summary>G, the key-value heads of one attention expert; divides H.</summary>
    [Key(Minimum = 1)]
    public required int NumKeyValueHeads { get; init; }

    /// <summary>The width of one head.</summary>
    [Key(Minimum = 1)]
    public required int HeadDim { get; init; }

    /// <summary>The longest input, in tokens.</summary>
    [Key(Minimum = 1, ChangesResult = false)]
    public required int MaxPositionEmbeddings { get; init; }

    /// <summary>True: attention and feed-forward read the same norm and add to one residual. False: in sequence.</summary>
    [Key]
    internal bool ParallelBlock { get; init; } = true;

    /// <summary>True: the branches of a parallel block have a norm each (GPT-NeoX). Sequential blocks always have two.</summary>
    [Key(OmitDefault = true)]
    internal bool SeparateNorms { get; init; }

    [Key]
    internal NormType NormType { get; init; } = NormType.LayerNorm;

    /// <summary>Where the norms of a sequential block are; parallel blocks have theirs before the branches.</summary>
    [Key(OmitDefault = true)]
    internal NormPlacement NormPlacement { get; init; }

    /// <summary>Added to the variance inside the norm.</summary>
    [Key(Minimum = 0, AboveMinimum = true)]
    internal double NormEps { get; init; } = 1e-5;

    /// <summary>True: norms add a bias [d].</summary>
    [Key(OmitDefault = true)]
    internal bool NormBias { get; init; }

    /// <summary>True: norms multiply by 1 + weight (Gemma).</summary>
    [Key(OmitDefault = true)]
    internal bool NormUnitOffset { get; init; }

    /// <summary>True: the feed-forward is down(act(gate) ∘ up); with "silu" a SwiGLU. False: down(act(up)).</summary>
    [Key(OmitDefault = true)]
    internal bool GatedMlp { get; init; } = true;

    /// <summary>The feed-forward's activation.</summary>
    [Key]
    internal string HiddenAct { get; init; } = "silu";

    /// <summary>True: the projections of the feed-forward add biases.</summary>
    [Key(OmitDefault = true)]
    internal bool MlpBias { get; init; }

    /// <summary>True: the projections to queries, keys and values add biases.</summary>
    [Key(OmitDefault = true)]
    internal bool AttentionBias { get; init; }

    /// <summary>True: attention's output projection adds a bias.</summary>
    [Key(OmitDefault = true)]
    internal bool AttentionOutputBias { get; init; }

    [Key(OmitDefault = true)]
    internal QueryKeyNorm QueryKeyNorm { get; init; }

    /// <summary>True: the norms of queries and keys add biases (Phi).</summary>
    [Key(OmitDefault = true)]
    internal bool QueryKeyNormBias { get; init; }

    /// <summary>c: queries, keys and values are clamped to -c … c before rotation; null for none (OLMo).</summary>
    [Key(Minimum = 0, AboveMinimum = true, OmitDefault = true)]
    internal double? ClipQkv { get; init; }

    /// <summary>Multiplies the attention scores; null for 1/√head_dim.</summary>
    [Key(Minimum = 0, AboveMinimum = true, OmitDefault = true)]
    internal double? AttentionMultiplier { get; init; }

    /// <summary>c of the attention scores' soft cap, c · tanh(score / c); null for none (Gemma 2).</summary>
    [Key(Minimum = 0, AboveMinimum = true, OmitDefault = true)]
    internal double? AttnLogitSoftcapping { get; init; }

    /// <summary>W: a position attends to itself and the W - 1 before it; null for all before it.</summary>
    [Key(Minimum = 1, OmitDefault = true)]
    internal int? SlidingWindow { get; init; }

    /// <summary>Which layers have the window, one entry per layer; none where all layers have it or there is none.</summary>
    [Key(OmitDefault = true)]
    internal ValueList<LayerType> LayerTypes { get; init; } = [];

    /// <summary>The base of the rotary frequencies.</summary>
    [Key(Minimum = 0, AboveMinimum = true)]
    internal double RopeTheta { get; init; } = 10_000;

    /// <summary>A change of the rotary frequencies, if any.</summary>
    [Key(OmitDefault = true)]
    internal RopeScaling? RopeScaling { get; init; }

    /// <summary>
    /// The base of the rotary frequencies of layers with a sliding window, which <see cref="RopeScaling"/> does not change; null
    /// where they are as in the other layers (Gemma 3).
    /// </summary>
    [Key(Minimum = 0, AboveMinimum = true, OmitDefault = true)]
    internal double? RopeLocalBaseFreq { get; init; }

    /// <summary>Which layers have rotary embedding: 1 for each that has, 0 for each that has not; none where all have.</summary>
    [Key(OmitDefault = true)]
    internal ValueList<int> NoRopeLayers { get; init; } = [];

    /// <summary>True: pairs are neighbours (Cohere, GPT-J). False: pairs are halves (Llama).</summary>
    [Key]
    internal bool RopeInterleaved { get; init; }

    /// <summary>The part of each head that is rotated.</summary>
    [Key]
    internal double PartialRotaryFactor { get; init; } = 1;

    /// <summary>Multiplies the token embeddings.</summary>
    [Key(Minimum = 0, AboveMinimum = true, OmitDefault = true)]
    internal double EmbeddingMultiplier { get; init; } = 1;

    /// <summary>Multiplies what each branch adds to the residual stream.</summary>
    [Key(Minimum = 0, AboveMinimum = true, OmitDefault = true)]
    internal double ResidualMultiplier { get; init; } = 1;

    /// <summary>Multiplies the logits.</summary>
    [Key(Minimum = 0, AboveMinimum = true)]
    internal double LogitScale { get; init; } = 1;

    /// <summary>c of the logits' soft cap, c · tanh(logit / c); null for none (Gemma 2).</summary>
    [Key(Minimum = 0, AboveMinimum = true, OmitDefault = true)]
    internal double? FinalLogitSoftcapping { get; init; }

    /// <summary>True: the output head is the embedding matrix.</summary>
    [Key]
    public bool TieWordEmbeddings { get; init; } = true;

    /// <summary>True: the output head adds a bias [V].</summary>
    [Key(OmitDefault = true)]
    internal bool LmHeadBias { get; init; }

    /// <summary>N; 1 is dense attention.</summary>
    [Key(Minimum = 1)]
    public int NumAttentionExperts { get; init; } = 1;

    [Key]
    internal AttentionRouting AttentionRouting { get; init; } = AttentionRouting.Soft;

    /// <summary>k of top-k attention; null for soft routing.</summary>
    [Key]
    public int? NumAttentionExpertsPerTok { get; init; }

    /// <summary>True: one K and V for all attention experts.</summary>
    [Key]
    public bool ShareKeyValue { get; init; }

    /// <summary>M; 1 is a dense feed-forward.</summary>
    [Key(Minimum = 1)]
    public int NumLocalExperts { get; init; } = 1;

    /// <summary>k, the feed-forward experts of one token.</summary>
    [Key(Minimum = 1)]
    public int NumExpertsPerTok { get; init; } = 1;

    /// <summary>True: the k weights are divided by their sum (Mixtral).</summary>
    [Key]
    public bool NormTopkProb { get; init; }

    /// <summary>The layers of a mixture that have one feed-forward instead of experts.</summary>
    [Key(OmitDefault = true)]
    internal ValueList<int> MlpOnlyLayers { get; init; } = [];

    /// <summary>The width of the feed-forward of <see cref="MlpOnlyLayers"/>; null where there are none.</summary>
    [Key(Minimum = 1, OmitDefault = true)]
    internal int? DenseIntermediateSize { get; init; }

    /// <summary>
    /// The width of the shared expert, to which every token goes in addition to its k experts; its output is multiplied by
    /// sigmoid(gate · h). Null for none (Qwen2-MoE).
    /// </summary>
    [Key(Minimum = 1, OmitDefault = true)]
    internal int? SharedExpertIntermediateSize { get; init; }

    /// <summary>α, the weight of the load-balancing loss.</summary>
    [Key(Minimum = 0, ChangesResult = false)]
    internal double RouterAuxLossCoef { get; init; } = 0.01;

    /// <summary>β, the weight of the router z-loss.</summary>
    [Key(Minimum = 0, ChangesResult = false)]
    internal double RouterZLossCoef { get; init; } = 0.001;

    /// <summary>Begins a document.</summary>
    [Key(ChangesResult = false)]
    internal int? BosTokenId { get; init; }

    /// <summary>Each ends a text: a document, or a turn of a chat. Most models have one.</summary>
    [Key(Name = "eos_token_id", ChangesResult = false)]
    internal ValueList<int> EosTokenIds { get; init; } = [];

    /// <summary>Fills up batches in libraries that need equal lengths; Bam does not.</summary>
    [Key(OmitDefault = true, ChangesResult = false)]
    internal int? PadTokenId { get; init; }

    /// <summary>The dtype of the stored weights, "float32" or "bfloat16" …; informative.</summary>
    [Key(OmitDefault = true, ChangesResult = false)]
    internal string? TorchDtype { get; init; }

    /// <summary>The rotated width of a head, even.</summary>
    internal int RotaryDim => (int)(HeadDim * PartialRotaryFactor + 1e-6);  // a factor may be a quotient, rounded

    /// <summary>True when each branch of a block has a norm of its own before it.</summary>
    internal bool HasSecondNorm => HasInputNorms && (!ParallelBlock || SeparateNorms);

    /// <summary>True when the branches read a normalised residual stream.</summary>
    internal bool HasInputNorms => NormPlacement != NormPlacement.Output;

    /// <summary>True when the branches' outputs are normalised.</summary>
    internal bool HasOutputNorms => NormPlacement != NormPlacement.Input;

    /// <summary>W of a layer; null where it attends to all positions before.</summary>
    internal int? WindowOf(int layer) =>
        LayerTypes.Count == 0 || LayerTypes[layer] == LayerType.SlidingAttention ? SlidingWindow : null;

    /// <summary>M of a layer; 1 where its feed-forward is dense.</summary>
    internal int ExpertsOf(int layer) => MlpOnlyLayers.Contains(layer) ? 1 : NumLocalExperts;

    /// <summary>f of a layer.</summary>
    internal int FeedForwardWidthOf(int layer) =>
        MlpOnlyLayers.Contains(layer) ? DenseIntermediateSize!.Value : IntermediateSize;

    /// <summary>True for layers with rotary embedding.</summary>
    internal bool HasRotary(int layer) => NoRopeLayers.Count == 0 || NoRopeLayers[layer] == 1;

    /// <summary>The longest input, in tokens: with dynamic scaling a multiple of the length that training had.</summary>
    internal int LongestInput => RopeScaling is { Type: RopeScalingType.Dynamic, Factor: var factor }
        ? (int)Math.Min(MaxPositionEmbeddings * factor, int.MaxValue)
        : MaxPositionEmbeddings;

    /// <summary>True when there is any router.</summary>
    public bool IsMixture => NumAttentionExperts > 1 || NumLocalExperts > 1;

    /// <summary>Writes <c>config.json</c> into a checkpoint directory.</summary>
    /// <exception cref="WorkFailedException">The directory cannot be written.</exception>
    internal void Save(string directory) => AtomicFile.WriteText(Path.Combine(directory, FileName), ToJson());

    /// <summary>The text of <c>config.json</c>; reading it gives back an equal record.</summary>
    internal string ToJson() => ModelConfigJson.Write(this);

    /// <summary>Refuses sizes that no model can have.</summary>
    /// <exception cref="InvalidInputException">Names the first field at fault.</exception>
    internal void Validate(string where) => ModelConfigRules.Check(this, new ConfigPlace(where));
}

/// <summary>The normalisation in front of each branch.</summary>
internal enum NormType
{
    /// <summary>Mean and variance, with a weight and no bias.</summary>
    LayerNorm,

    /// <summary>Root mean square, with a weight.</summary>
    RmsNorm,
}

/// <summary>Where the norms of a sequential block are.</summary>
internal enum NormPlacement
{
    /// <summary>Before each branch.</summary>
    Input,

    /// <summary>After each branch, before it is added to the residual stream (OLMo 2).</summary>
    Output,

    /// <summary>Before and after each branch (Gemma 2 and 3).</summary>
    Both,
}

/// <summary>What the positions of a layer attend to.</summary>
internal enum LayerType
{
    /// <summary>All positions before.</summary>
    FullAttention,

    /// <summary>Those within the sliding window.</summary>
    SlidingAttention,
}

/// <summary>Norm of queries and keys before rotation, of the model's kind.</summary>
internal enum QueryKeyNorm
{
    None,

    /// <summary>Over each head, with one weight [head_dim] for all heads (Qwen3).</summary>
    Shared,

    /// <summary>Over each head, with a weight [heads, head_dim] (Cohere).</summary>
    PerHead,

    /// <summary>Over all heads of an expert at once, with a weight [heads · head_dim] (OLMo 2).</summary>
    AllHeads,
}

/// <summary>How attention experts are chosen for a token.</summary>
internal enum AttentionRouting
{
    /// <summary>Every token goes to every expert, weighted by the softmax over experts (BAM, section 3).</summary>
    Soft,

    /// <summary>Only the experts with the k largest gates; the gates are not renormalised (BAM, Table 6).</summary>
    TopK,
}
