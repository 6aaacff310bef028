namespace Bam.Tokenization.Training;

/// <summary>How text is cut into words before merging: the habits of four families of models.</summary>
internal enum TokenizerStyle
{
    /// <summary>GPT-2's words. Every text decodes to itself.</summary>
    Gpt2,

    /// <summary>Llama 3's words: numbers of up to three digits. Every text decodes to itself.</summary>
    Llama3,

    /// <summary>Cohere's, the family of BAM's own models: NFC, each digit for itself, then GPT-2's words.</summary>
    Cohere,

    /// <summary>GPT-NeoX's, with a space in front of every text: NFC, then GPT-2's words.</summary>
    GptNeoX,
}
