namespace Bam.Checkpoints;

/// <summary>Whether one <c>tokenizer.json</c> is another with tokens added: what both have, they have under the same ids.</summary>
internal static class TokenizerExtension
{
    /// <summary>
    /// The first thing that keeps a tokenizer from being the extension of another, as a place with both values: the lowest id with another
    /// token, an added token or a merge that has changed, or another component. Null where there is none.
    /// </summary>
    /// <param name="path">A tokenizer.</param>
    /// <param name="extensionPath">One that may have more tokens.</param>
    /// <exception cref="InvalidInputException">One of the files is not JSON.</exception>
    public static (string Place, string First, string Second)? FirstConflict(string path, string extensionPath) =>
        TokenizerFile.Read(path, first => TokenizerFile.Read(extensionPath, second => TokenizerComparison.FirstConflict(first, second)));
}
