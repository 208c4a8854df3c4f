/** Whether this is a kubeconfig itself, which is a secret, or the path of one, which is none. Base64 is no path either: secrets are often kept so. */
export const isKubeconfigText = (text: string): boolean => /\n|^\s*\{/.test(text) || isBase64(text)

export const isBase64 = (text: string): boolean => /^[A-Za-z0-9+/_-]{250,}=*$/.test(text) && !text.startsWith('/')
