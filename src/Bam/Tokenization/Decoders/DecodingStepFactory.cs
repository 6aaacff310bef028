namespace Bam.Tokenization.Decoders;

/// <summary>Begins a decoder's step for one text.</summary>
/// <param name="next">Takes what the step hands on.</param>
/// <param name="continues">The text is the rest of a longer one: its first token is not the text's first.</param>
internal delegate DecodingStep DecodingStepFactory(DecodingStep next, bool continues);
